/** What names a person: addresses, home directories. Addresses of example.org and its like count too: a name may stand before the @. */
import { endingIn, backOver, matchAt, type Rule } from "./Rule.ts";

const local = /[\p{L}\p{N}._%+-]/u;

/** Nobody reads what is sent there. */
const nobody = /^(?:git|no-?reply|do-?not-?reply)$/i;

const domain = /@((?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}[\p{L}\p{N}-]{0,30}\p{L})(?![\p{L}\p{N}])/uy;

/** Endings that neither chance nor `a@b.transpose()` in a program is likely to give. */
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
    return name === "" || nobody.test(name)
      ? undefined
      : {
          kind: "e-mail address",
          sort: "person",
          start: at - name.length,
          end,
          open: "…@…",
          // Or the password before a host, for which there is a rule.
          ...(/[:/]/.test(text[at - name.length - 1] ?? " ") ? { guessed: true as const } : {}),
        };
  },
};

/** `"a b"@host` and `{a,b}@host`: what stands in quotes or braces is not what letters before an at-sign tell. */
const enclosedEmail: Rule = {
  anchors: ['"@', "}@"],
  find: (text, at) => {
    const behind = matchAt(domain, text, at + 1);
    if (behind === null) return undefined;
    const before = text.slice(Math.max(0, at - 100), at + 1);
    const people =
      /"[\p{L}\p{N}][\p{L}\p{N} ._%+'-]{0,64}"$/u.exec(before) ??
      /(?<![$%#{])\{[\w.%+-]{1,40}(?:[,;|]\s?[\w.%+-]{1,40}){1,6}\}$/.exec(before);
    return people === null
      ? undefined
      : {
          kind: "e-mail address",
          sort: "person",
          start: at + 1 - people[0].length,
          end: at + 1 + behind[0].length,
          open: "…@…",
        };
  },
};

/** Addresses of licences whose terms ask for every copy to have them. */
const inLicenses = new Set(["fonts at gnome dot org"]);

/** With words for the signs. */
const spelledEmail: Rule = {
  anchors: ["[at]", "(at)", "{at}", "<at>", " at ", "[ at ]", "( at )", "[ät]", "(ät)"],
  find: (text, at) => {
    const sign = matchAt(/(?:[[({<] ?[aä]t ?[\])}>]| at ) {0,3}/iy, text, at)![0];
    const behind = matchAt(
      /[A-Za-z0-9-]{1,63}(?: {0,3}(?:[[({<] ?(?:dot|punkt) ?[\])}>]| dot |\.(?=[a-z])) {0,3}[A-Za-z0-9-]{2,63}){1,5}/iy,
      text,
      at + sign.length,
    );
    if (behind === null || (sign.startsWith(" at ") && !/ dot |[[({<] ?dot/i.test(behind[0])))
      return undefined;
    const before = text[at - 1] === " " ? at - 1 : at;
    const start = backOver(/[A-Za-z0-9._%+-]/, text, before, 64);
    const end = at + sign.length + behind[0].length;
    return start === before || inLicenses.has(text.slice(start, end))
      ? undefined
      : { kind: "e-mail address", sort: "person", start, end, open: "…@…" };
  },
};

/** The prompt of a shell, or whom `ssh` is to call: no address, and yet it names both. */
const shellUser: Rule = {
  anchors: ["@"],
  find: (text, at) => {
    const behind = matchAt(
      /@[A-Za-z0-9][A-Za-z0-9.-]{0,62}(:[~/]|[ \]:]{1,2}[^\n#$\0]{0,60}[#$] )?/y,
      text,
      at,
    );
    if (behind === null) return undefined;
    const start = backOver(/[A-Za-z0-9._-]/, text, at, 32);
    const name = text.slice(start, at);
    const called =
      /AAAA[A-Za-z0-9+/=]{8,}\s$|\b(?:ssh|scp|rsync|sftp|sshfs)\s(?:-\S{1,20}\s(?:[^\s@-][^\s@]{0,60}\s)?){0,6}$/.test(
        text.slice(Math.max(0, start - 160), start),
      );
    if (name === "" || nobody.test(name) || !/^[A-Za-z_]/.test(name)) return undefined;
    const prompt =
      behind[1] !== undefined && /[#$] ?$/.test(behind[1]) && !behind[1].startsWith(":/");
    const remote = behind[1] === ":/" || behind[1] === ":~";
    if (!called && !prompt && !remote) return undefined;
    const end = at + /^@[A-Za-z0-9.-]+/.exec(behind[0])![0].length;
    return { kind: "user and host", sort: "person", start, end, open: "…@…", guessed: true };
  },
};

const isVariable = /^(?:[$<{*%[].*|\.{2,}|…)$/;

/** Of everybody, or of nobody. */
const sharedHomes = /^(?:shared|public|default|all users|default user|guest|\.localized)$/i;

const homeName = String.raw`([^\s/\\"'\x60<>|:;,?()&\0\u001b\]}]{1,64})`;
const homePatterns = {
  posix: new RegExp(String.raw`/(?:home\d{0,2}|homes|users)/{1,4}${homeName}`, "iy"),
  windows: new RegExp(
    String.raw`(?:\\|/){1,4}(?:users|documents and settings|benutzer|utilisateurs)(?:\\|/){1,4}([^\\/"'<>|:*?\r\n\t\0]{1,64})`,
    "iy",
  ),
};

/** The path of a web page may well begin so. */
const inWebAddress = (text: string, at: number): boolean =>
  /(?:https?|wss?|s3|gs|hf):\/\/[^\s/"'<>]{1,200}(?:\/[^\s"'<>?#=]{0,200})?$/i.test(
    text.slice(Math.max(0, at - 300), at),
  ) ||
  /(?:^|[\s"'(<])(?:[a-z0-9-]{1,40}\.){1,4}(?:com|org|net|io|co|ai|dev|edu)(?:\/[^\s"'<>?#=]{0,100})?$/i.test(
    text.slice(Math.max(0, at - 200), at),
  );

/** `pages/home/index.html` is nobody's; an absolute path is somebody's, also right behind an option. */
const isAbsolute = (text: string, at: number): boolean => {
  const start = backOver(/[\p{L}\p{N}._/-]/u, text, at, 100);
  const before = text.slice(start, at);
  return before === "" || before.startsWith("/") || /^-{1,2}[A-Za-z]$/.test(before);
};

const home: Rule = {
  anchors: ["/home/", "/homes/", "/users/", ...Array.from("123456789", (n) => `/home${n}`)],
  find: (text, at) => {
    const found = matchAt(homePatterns.posix, text, at);
    if (found === null || isVariable.test(found[1]!) || sharedHomes.test(found[1]!))
      return undefined;
    if (!isAbsolute(text, at) || inWebAddress(text, at)) return undefined;
    const end = at + found[0].length;
    return {
      kind: "home directory",
      sort: "person",
      start: at,
      end,
      open: found[0].slice(0, -found[1]!.length),
    };
  },
};

const windowsHome: Rule = {
  anchors: [":\\", ":/", "\\users\\"],
  find: (text, at) => {
    const colon = text[at] === ":" ? 1 : 0;
    if (colon === 1 && !/^[^A-Za-z0-9]?[A-Za-z]$/.test(text.slice(Math.max(0, at - 2), at)))
      return undefined;
    const found = matchAt(homePatterns.windows, text, at + colon);
    const name = found?.[1]!.trim();
    if (found === null || !name || isVariable.test(name) || sharedHomes.test(name))
      return undefined;
    return endingIn(found[1]!, at + colon, found, {
      kind: "home directory",
      sort: "person",
      open: "C:\\Users\\",
    });
  },
};

/** The home of a Linux that runs inside Windows, by the path that Windows has for it. */
const linuxInWindows: Rule = {
  anchors: ["\\home\\"],
  find: (text, at) => {
    const found = matchAt(/\\home\\{1,4}([^\s\\/"'<>|:*?\0]{1,64})/iy, text, at);
    if (found === null || isVariable.test(found[1]!)) return undefined;
    const before = text.slice(Math.max(0, at - 100), at);
    return /(?:^|[\s"'=(\0])\\{0,3}$|\\wsl(?:\$|\.localhost)\\{1,4}[\w.-]{1,40}\\{0,3}$/i.test(
      before,
    )
      ? endingIn(found[1]!, at, found, {
          kind: "home directory",
          sort: "person",
          open: "\\home\\",
        })
      : undefined;
  },
};

/** A share that is somebody's. Other words between such strokes are formulas more often than servers. */
const windowsShare: Rule = {
  anchors: ["\\\\"],
  find: (text, at) => {
    if (/(?<!\\[nrt])(?<=[\w\\:])$/.test(text.slice(Math.max(0, at - 2), at))) return undefined;
    const found = matchAt(
      /\\{2,4}((?:[A-Za-z][A-Za-z-]{1,40}\d{1,4}|(?:[A-Za-z0-9-]{2,40}\.){2,5}[a-z]{2,10})\\{1,2}[\w.-]{2,64}\$)(?![\w$])/y,
      text,
      at,
    );
    return found === null
      ? undefined
      : endingIn(found[1]!, at, found, {
          kind: "share of a server",
          sort: "machine",
          open: "\\\\",
        });
  },
};

/** The users' part of a cell of AFS, and disks of a Mac, which are called as people like. */
const otherHome: Rule = {
  anchors: ["/afs/", "/volumes/"],
  find: (text, at) => {
    const found = matchAt(
      /(?:\/afs\/[^\s/]{1,80}\/(?:users?|home|u)\/(?:[^\s/"'\0]{1,3}\/){0,2}|\/Volumes\/)([^\s/\\"'`<>|:;,?()&\0\]}]{2,64})/y,
      text,
      at,
    );
    if (found === null || isVariable.test(found[1]!) || ofManyMacs.test(found[1]!))
      return undefined;
    return isAbsolute(text, at) && !inWebAddress(text, at)
      ? endingIn(found[1]!, at, found, { kind: "home directory", sort: "person", open: "/" })
      : undefined;
  },
};

const ofManyMacs =
  /^(?:backups?|com\.apple.*|data|disk\d*|external|macintosh|recovery|system|untitled|usb|vm)$/i;

// In quotes alone it is a name that every Linux has.
const rootHome: Rule = {
  anchors: ["/root"],
  find: (text, at) =>
    /[\p{L}\p{N}_.)\]}~*/-]/u.test(text[at - 1] ?? " ") ||
    /[\p{L}\p{N}_.*"'`\\-]/u.test(text[at + 5] ?? " ") ||
    inWebAddress(text, at)
      ? undefined
      : { kind: "home directory", sort: "person", start: at, end: at + 5, open: "/root" },
};

export const people: ReadonlyArray<Rule> = [
  email,
  enclosedEmail,
  spelledEmail,
  shellUser,
  home,
  windowsHome,
  linuxInWindows,
  windowsShare,
  otherHome,
  rootHome,
];
