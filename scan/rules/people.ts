/** Rules for people: e-mail addresses, also those of example.org and its like, home directories, a user at a host. */
import { backOver, isWord, matchAt, type Rule } from "./Rule.ts";

const local = /[\p{L}\p{N}._%+-]/u;

/** Accounts without a reader. */
const accounts = /^(?:git|no-?reply|do-?not-?reply)$/i;

const domain = /@((?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}[\p{L}\p{N}-]{0,30}\p{L})(?![\p{L}\p{N}])/uy;

/** Endings that neither chance nor `a@b.transpose()` in a program is likely to have. */
export const usualEnding =
  /\.(?:com|org|net|edu|gov|mil|info|io|ai|dev|app|uk|de|fr|ch|at|it|es|nl|be|se|no|dk|fi|pl|cz|cn|jp|kr|in|au|ca|us|eu|ru|br|il|sg|hk|tw|invalid|example|test)$/i;

const email: Rule = {
  anchors: ["@"],
  find: (text, at) => {
    const behind = matchAt(domain, text, at);
    if (behind === null || /^\d+(?:\.\d+){1,2}[.-]|^[1-4]x\./.test(behind[1]!)) return undefined; // version, icon@2x.png
    const end = at + behind[0].length;
    if (/[([]/.test(text[end] ?? " ") && !usualEnding.test(behind[1]!)) return undefined;
    const name = text.slice(backOver(local, text, at, 64), at).replace(/^[.%+-]+/, "");
    if (name === "" || accounts.test(name)) return undefined;
    const start = at - name.length;
    // It may also be the password before a host, which has a rule of its own.
    const guess = /[:/]/.test(text[start - 1] ?? " ") ? { isGuess: true as const } : {};
    return { kind: "e-mail address", sort: "person", start, end, open: "…@…", ...guess };
  },
};

/** Addresses in licences whose terms require them in every copy. */
const inLicenses = new Set(["fonts at gnome dot org"]);

/** With words for the signs. */
const spelledEmail: Rule = {
  anchors: ["[at]", "(at)", "{at}", "<at>", " at "],
  find: (text, at) => {
    const found = matchAt(
      /(?:[[({<]at[\])}>]| at ) ?[a-z0-9-]{1,63}(?: ?(?:[[({<]dot[\])}>]| dot |\.(?=[a-z])) ?[a-z0-9-]{2,63}){1,5}/iy,
      text,
      at,
    )?.[0];
    if (found === undefined || (found.startsWith(" at ") && !/\bdot\b/i.test(found)))
      return undefined;
    const before = text[at - 1] === " " ? at - 1 : at;
    const start = backOver(/[a-z0-9._%+-]/i, text, before, 64);
    const end = at + found.length;
    return start === before || inLicenses.has(text.slice(start, end))
      ? undefined
      : { kind: "e-mail address", sort: "person", start, end, open: "…@…" };
  },
};

const behindUser =
  /(?:AAAA[A-Za-z0-9+/=]{8,1000}\s|\b(?:ssh|scp|rsync|sftp|sshfs)\s(?:-\S{1,20}\s(?:[^\s@-][^\s@]{0,60}\s)?){0,6})$/;

/** `user@host` in the prompt of a shell, in the arguments of `ssh` and behind a public key. */
const shellUser: Rule = {
  anchors: ["@"],
  find: (text, at) => {
    const behind = matchAt(
      /@(?<host>[A-Za-z0-9][A-Za-z0-9.-]{0,62})(?<path>:[~/]|[ \]:]{1,2}[^\n#$\0]{0,60}[#$] )?/y,
      text,
      at,
    )?.groups;
    if (behind === undefined) return undefined;
    const start = backOver(/[A-Za-z0-9._-]/, text, at, 32);
    const name = text.slice(start, at);
    if (accounts.test(name) || !/^[A-Za-z_]/.test(name)) return undefined;
    const isShell = /^:[~/]$|^(?!:\/).*[#$] $/.test(behind["path"] ?? "");
    if (!isShell && !behindUser.test(text.slice(Math.max(0, start - 160), start))) return undefined;
    const end = at + 1 + behind["host"]!.length;
    return { kind: "user and host", sort: "person", start, end, open: "…@…", isGuess: true };
  },
};

const isVariable = /^(?:[$<{*%[].*|\.{2,}|…)$/;

/** Homes of everybody or of nobody. */
const sharedHomes = /^(?:shared|public|default|all users|default user|guest|\.localized)$/i;

const namesSomebody = (home: string | undefined): home is string =>
  home !== undefined && home.trim() !== "" && !isVariable.test(home) && !sharedHomes.test(home);

/** The path of a web page may begin like a home directory. */
const inWebAddress = (text: string, at: number): boolean => {
  const before = text.slice(Math.max(0, at - 300), at);
  return (
    /[.:]/.test(before) &&
    /(?:(?:https?|wss?|s3|gs|hf):\/\/[^\s/"'<>]{1,200}|(?:^|[\s"'(<])(?:[a-z0-9-]{1,40}\.){1,4}(?:com|org|net|io|co|ai|dev|edu))(?:\/[^\s"'<>?#=]{0,200})?$/i.test(
      before,
    )
  );
};

/** `pages/home/index.html` is nobody's home; an absolute path is somebody's, also right behind an option. */
const isAbsolute = (text: string, at: number): boolean => {
  const start = backOver(/[\p{L}\p{N}._/-]/u, text, at, 100);
  const before = text.slice(start, at);
  return before === "" || before.startsWith("/") || /^-{1,2}[A-Za-z]$/.test(before);
};

const home: Rule = {
  anchors: ["/home", "/users/", "/afs/"],
  find: (text, at) => {
    const found = matchAt(
      /\/(?:home\d{0,2}|homes|users|afs\/[^\s/]{1,80}\/(?:users?|home|u)(?:\/\w{1,3}){0,2})\/{1,4}([^\s/\\"'`<>|:;,?()&\0\]}]{1,64})/iy,
      text,
      at,
    );
    if (found === null || !namesSomebody(found[1])) return undefined;
    if (!isAbsolute(text, at) || inWebAddress(text, at)) return undefined;
    const end = at + found[0].length;
    const open = found[0].slice(0, -found[1].length);
    return { kind: "home directory", sort: "person", start: at, end, open };
  },
};

const windowsHome: Rule = {
  anchors: [":\\", ":/"],
  find: (text, at) => {
    const found = matchAt(
      /(?<=(?:^|[^A-Za-z0-9])[A-Za-z]):[\\/]{1,4}(?:users|documents and settings|benutzer|utilisateurs)[\\/]{1,4}([^\\/"'<>|:*?\r\n\t\0]{1,64})/iy,
      text,
      at,
    );
    if (found === null || !namesSomebody(found[1])) return undefined;
    const end = at + found[0].length;
    const start = end - found[1].length;
    return { kind: "home directory", sort: "person", start, end, open: "C:\\Users\\" };
  },
};

/** In quotes alone it is a directory that every Linux has. */
const rootHome: Rule = {
  anchors: ["/root"],
  find: (text, at) => {
    const end = at + "/root".length;
    return !isWord(text, at, end) ||
      /[_.)\]}~*/-]/.test(text[at - 1] ?? " ") ||
      /[_.*"'`\\-]/.test(text[end] ?? " ") ||
      inWebAddress(text, at)
      ? undefined
      : { kind: "home directory", sort: "person", start: at, end, open: "/root" };
  },
};

export const people: ReadonlyArray<Rule> = [
  email,
  spelledEmail,
  shellUser,
  home,
  windowsHome,
  rootHome,
];
