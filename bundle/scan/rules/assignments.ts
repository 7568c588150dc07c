/** Values that a name says are secret: in code, YAML, JSON, `.env` files, command lines and addresses. */
import { looksDrawn } from "./entropy.ts";
import { isPlaceholder } from "./headers.ts";
import { endingIn, backOver, matchAt, type Rule } from "./Rule.ts";

/** Names of what is always secret. */
const strong =
  /(?:passw(?:or)?d|passphrase|passwort|pwd|secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key|account[_-]?key|signing[_-]?key|encryption[_-]?key|client[_-]?secret|credentials?|(?:auth|access|refresh|bearer|session|api|id)[_-]?token|auth[_-]?key)$/i;

/** The rest of a name, the sign, and the value: in quotes or not. */
const assigned =
  /[A-Za-z0-9_-]{0,40}(["'`]?[ \t]{0,8}(?:=>|:=|[:=])\s{0,8})(?:(["'`])((?:(?!\2)[^\r\n\0\\]){1,256})\2?|([^\s"'`,;<>(){}[\]\0\\]{1,256}))/y;

const flag = /([ \t]{1,4})(["']?)([^\s"'\0]{8,256})/y;

/** A name in a program rather than a value: without digits, or a template. */
const isCode = (value: string): boolean =>
  /^[A-Za-z_$]{1,60}(?:[.?!:].{0,200})?$/.test(value) || value.includes("${");

const isWord = /[A-Za-z0-9_-]/;

interface Value {
  readonly key: string;
  readonly value: string;
  readonly quoted: boolean;
}

const isDigest = (value: string): boolean =>
  /^(?:sha\d{3}[-:].{20,}|[a-f0-9]{64}|[a-f0-9]{128})$/i.test(value);

/** A page's address; what tells who asks stands behind a question mark or before an at-sign, or looks drawn. */
const isPublicAddress = (value: string): boolean =>
  /^https?:\/\/[^?#@]+$/i.test(value) && !value.split("/").some(looksDrawn);

const isSecret = ({ key, value, quoted }: Value): boolean => {
  if (isPlaceholder(value) || isPublicAddress(value) || /^[./~]*(?:\/|$)/.test(value)) return false;
  const isEnvironment = /^[A-Z][A-Z0-9_]*$/.test(key);
  if (strong.test(key)) {
    if (/^\d+$/.test(value)) return value.length >= 6;
    if (quoted)
      return /pass|pwd/i.test(key) ? value.length >= 4 : value.length >= 6 && !/\s/.test(value);
    return (
      value.length >= 4 &&
      (isEnvironment || (!isCode(value) && /[\d!@#$%^&*+/=]/.test(value) && value.length >= 6))
    );
  }
  if (isDigest(value)) return false;
  if (isEnvironment && /(?:TOKEN|_KEY|_PAT|_AUTH)$/.test(key))
    return value.length >= 8 && (/\d/.test(value) || looksDrawn(value));
  return /^[A-Za-z0-9+/=_.~-]{16,}$/.test(value) && looksDrawn(value);
};

const assignment: Rule = {
  anchors: ["passw", "passphrase", "pwd", "secret", "key", "token", "credential", "auth", "_pat"],
  find: (text, at) => {
    const start = backOver(isWord, text, at, 40);
    const found = matchAt(assigned, text, at);
    if (found === null) return undefined;
    const [whole, sign, , inQuotes, bare] = found;
    const value = (inQuotes ?? bare)!;
    const key = text.slice(start, text.indexOf(sign!, at));
    if (
      !/(?:passw(?:or)?d|passphrase|passwort|pwd|secret|key|token|credentials?|auth|_pat)$/i.test(
        key,
      )
    )
      return undefined;
    // In prose a colon is no assignment.
    if (bare !== undefined && /\s/.test(sign!) && !sign!.includes("=") && !/^[\w-]+$/.test(key))
      return undefined;
    if (bare !== undefined && /[([]/.test(text[at + whole.length] ?? " ")) return undefined; // a call
    if (!isSecret({ key, value, quoted: inQuotes !== undefined })) return undefined;
    const from = at + whole.lastIndexOf(value);
    return {
      kind: `secret value`,
      sort: "secret",
      start: from,
      end: from + value.length,
      open: `${name(key)} = `,
      guessed: true,
    };
  },
};

/** Keys may hold a secret themselves: only their last word is shown. */
const name = (key: string): string =>
  /(?:password|passwd|passphrase|pwd|secret|key|token|credentials?|auth)$/i
    .exec(key)?.[0]
    .toLowerCase() ?? "…";

/** `--token …` on a command line. */
const option: Rule = {
  anchors: [
    "--token",
    "--password",
    "--passwd",
    "--secret",
    "--api-key",
    "--apikey",
    "--auth-token",
    "--access-token",
    "--with-token",
  ],
  find: (text, at) => {
    const named = matchAt(/--[a-z-]{4,20}/iy, text, at)![0];
    const found = matchAt(flag, text, at + named.length);
    if (found === null || isPlaceholder(found[3]!) || !/\d/.test(found[3]!)) return undefined;
    const start = at + named.length + found[1]!.length + found[2]!.length;
    return {
      kind: "secret value",
      sort: "secret",
      start,
      end: start + found[3]!.length,
      open: `${named} `,
      guessed: true,
    };
  },
};

/** Whom `curl` says it is. */
const curlUser: Rule = {
  anchors: ["-u ", "-u'", '-u"', "--user "],
  find: (text, at) => {
    const found = matchAt(/(?:-u|--user)[ "']{1,3}[^\s:"']{1,64}:([^\s"'\0]{3,200})/iy, text, at);
    if (found === null || isPlaceholder(found[1]!)) return undefined;
    if (!/\b(?:curl|wget|https?)\b/i.test(text.slice(Math.max(0, at - 200), at))) return undefined;
    return endingIn(found[1]!, at, found, {
      kind: "name and password",
      sort: "secret",
      open: "-u ",
      guessed: true,
    });
  },
};

/** 40 or 32 hexadecimal digits, as W&B and older services give out: a commit looks the same, so something must say what it is. */
const hexadecimal: Rule = {
  anchors: [
    "wandb",
    "weights & biases",
    "api key",
    "api_key",
    "apikey",
    "api-key",
    "kaggle",
    "login key",
    "access token",
    "token is",
    "key is",
    "token was",
  ],
  find: (text, at) => {
    const found = matchAt(
      /[^\n\0]{0,120}?(?<![A-Za-z0-9])([a-f0-9]{40}|[a-f0-9]{32})(?![A-Za-z0-9])/iy,
      text,
      at,
    );
    if (found === null || /commit|revision|sha1|sha-1|digest|md5|checksum/i.test(found[0]))
      return undefined;
    return endingIn(found[1]!, at, found, {
      kind: "W&B key or alike",
      sort: "secret",
      open: "",
      guessed: true,
    });
  },
};

export const assignments: ReadonlyArray<Rule> = [assignment, option, curlUser, hexadecimal];
