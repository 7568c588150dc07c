/** Values behind a name that calls them secret: in code, YAML, JSON, `.env` files, command lines and addresses. */
import { isPlaceholder } from "./passwords.ts";
import { looksRandom, looksUnpronounceable } from "./randomness.ts";
import { backOver, matchAt, type Rule } from "./Rule.ts";

/** Names of what is always secret. */
const strong =
  /(?:passw(?:or)?d|passphrase|passwort|kennwort|pwd|secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key|account[_-]?key|signing[_-]?key|encryption[_-]?key|client[_-]?secret|credentials?|(?:auth|access|refresh|bearer|session|api|id)[_-]?token|auth[_-]?key)$/i;

/** A pass of these is a password; other passes may be passes over the data. */
const withPassword =
  /(?:^|[_-])(?:db|database|smtp|e?mail|imap|pop3?|ftp|sftp|ssh|user|usr|root|admin|my|mysql|maria|mongo|pg|postgres|postgresql|sql|redis|rabbitmq|amqp|mqtt|ldap|bind|http|proxy|auth|login|vpn|wifi|key|keystore|sudo|svn|git|registry|docker|jenkins|account|api)[_-]?pass$/i;

/** `pass`, `firstPass` and `pw` name passwords as often as not. */
const weak = /(?:^|[_-])(?:pass|Pass|PASS|pw|PW)$|[a-z]P(?:ass|w)$/;

const lastWord =
  /(?:passw(?:or)?d|passphrase|passwort|kennwort|pwd|pass|pw|secret|key|token|credentials?|auth|_pat)$/i;

/** The rest of a name, the sign, and the value: in quotes or not. */
const assigned =
  /[A-Za-z0-9_-]{0,40}(["'`]?[ \t]{0,8}(?:=>|:=|[:=])\s{0,8})(?:(["'`])((?:(?!\2)[^\r\n\0\\]){1,256})\2?|([^\s"'`,;<>(){}[\]\0\\]{1,256}))/y;

/** A name in a program rather than a value: without digits, or a template. */
const isCode = (value: string): boolean =>
  /^[A-Za-z_$]{1,60}(?:[.?!:].{0,200})?$/.test(value) || value.includes("${");

interface Assignment {
  readonly key: string;
  readonly value: string;
  readonly isQuoted: boolean;
}

const isDigest = (value: string): boolean =>
  /^(?:sha\d{3}[-:].{20,}|[a-f0-9]{64}|[a-f0-9]{128})$/i.test(value);

/** The address of a page. Credentials in one stand behind a question mark or before an at-sign, or look random. */
const isPublicAddress = (value: string): boolean =>
  /^https?:\/\/[^?#@]+$/i.test(value) && !value.split("/").some(looksRandom);

/** Beside a weak name, the mixture that passwords are required to have; `phase1` and `epoch-12` do not have it. */
const looksChosen = (value: string): boolean =>
  looksUnpronounceable(value) ||
  looksRandom(value) ||
  (value.length >= 6 &&
    /[a-z]/i.test(value) &&
    /\d/.test(value) &&
    /^[^\s()[\]]+$/.test(value) &&
    !/^[a-z]+(?:[._ -]?\d+)+$/i.test(value) &&
    !/^(?:0x[0-9a-f]+|[v\d.,:e%+-]+[a-z]{0,5})$/i.test(value));

const isEnvironment = (key: string): boolean => /^[A-Z][A-Z0-9_]*$/.test(key);

/** The value of a strong name, unless it is code. */
const isSecretOfStrong = ({ key, value, isQuoted }: Assignment): boolean => {
  if (/^\d+$/.test(value)) return value.length >= 6;
  if (isQuoted)
    return /pass|pwd|kennwort/i.test(key)
      ? value.length >= 4
      : value.length >= 6 && !/\s/.test(value);
  return (
    value.length >= 4 &&
    (isEnvironment(key) ||
      looksUnpronounceable(/^[a-z]*(?=$|[.&])/i.exec(value)?.[0] ?? "") ||
      (!isCode(value) && /[\d!@#$%^&*+/=]/.test(value) && value.length >= 6))
  );
};

const isSecret = (assignment: Assignment): boolean => {
  const { key, value, isQuoted } = assignment;
  if (isPlaceholder(value) || isPublicAddress(value) || /^[./~]*(?:\/|$)/.test(value)) return false;
  if (strong.test(key) || withPassword.test(key)) return isSecretOfStrong(assignment);
  if (weak.test(key))
    return looksChosen(value) || (/pw$/i.test(key) && /^[a-z]{4,}\d{1,4}$/i.test(value));
  if (isDigest(value)) return false;
  if (isEnvironment(key) && /(?:TOKEN|_KEY|_PAT|_AUTH)$/.test(key))
    return value.length >= 8 && (/\d/.test(value) || looksRandom(value));
  return (
    /^[A-Za-z0-9+/=_.~-]{16,}$/.test(value) &&
    (looksRandom(value) || (isQuoted && looksUnpronounceable(value)))
  );
};

const assignment: Rule = {
  anchors: ["pass", "kennwort", "pw", "secret", "key", "token", "credential", "auth", "_pat"],
  find: (text, at) => {
    const start = backOver(/[A-Za-z0-9_-]/, text, at, 40);
    const found = matchAt(assigned, text, at);
    if (found === null) return undefined;
    const [whole, sign = "", , quoted, bare] = found;
    const value = (quoted ?? bare)!;
    const key = text.slice(start, text.indexOf(sign, at));
    const word = lastWord.exec(key)?.[0].toLowerCase();
    if (word === undefined) return undefined;
    // In prose a colon is no assignment.
    if (bare !== undefined && /\s/.test(sign) && !sign.includes("=") && !/^[\w-]+$/.test(key))
      return undefined;
    if (bare !== undefined && /[([]/.test(text[at + whole.length] ?? " ")) return undefined; // a call
    if (!isSecret({ key, value, isQuoted: quoted !== undefined })) return undefined;
    const from = at + whole.lastIndexOf(value);
    const end = from + value.length;
    // The name may hold a secret itself: only its last word is shown.
    return {
      kind: "secret value",
      sort: "secret",
      start: from,
      end,
      open: `${word} = `,
      isGuess: true,
    };
  },
};

/** Words behind an option in a sentence about it. */
const inManuals =
  /^(?:arguments?|authentication|instead|options?|parameters?|prompt|protected|protection|settings?|specif\w+|supplied|switch|together|without|your\w+|provided|requires?|required|because|something|otherwise)$/;

/** `--token …` on a command line. */
const option: Rule = {
  anchors: ["--token", "--pass", "--secret", "--api", "--auth-t", "--access-t", "--with-t"],
  find: (text, at) => {
    const found = matchAt(
      /(--(?:(?:auth-|access-|with-)?token|passw(?:or)?d|secret|api-?key))(?:[ \t]{1,4}|=)["']?([^\s"'\0]{8,256})/iy,
      text,
      at,
    );
    if (found === null || isPlaceholder(found[2]!)) return undefined;
    const [whole, name = "", value = ""] = found;
    const word = /^[a-z]{8,}(?![\w,:)(\]]|\.(?:\s|$))/.exec(value)?.[0];
    const isPassword = /^--passw/i.test(name) && word !== undefined && !inManuals.test(word);
    if (!/\d/.test(value) && !looksUnpronounceable(value) && !isPassword) return undefined;
    const end = at + whole.length;
    return {
      kind: "secret value",
      sort: "secret",
      start: end - value.length,
      end,
      open: `${name} `,
      isGuess: true,
    };
  },
};

const digest = /commit|revision|sha-?1\b|sha\b|digest|md5|checksum/i;
const hexKey = /(?<![A-Za-z0-9])(?:[a-f0-9]{40}|[a-f0-9]{32})(?![A-Za-z0-9])/i;
const lastHexKey = /(?<![A-Za-z0-9])([a-f0-9]{40})(?![A-Za-z0-9])[^\n\0]{1,50}$/i;
/** The key may stand in the next line. */
const stretch = /[^\n\0]{0,160}(?:\n[^\n\0]{0,80})?/y;

/** 40 or 32 hexadecimal digits, as W&B and older services have them. A commit looks the same, so a word beside it decides. */
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
    const behind = matchAt(stretch, text, at)![0];
    const found = hexKey.exec(behind);
    if (found === null || digest.test(behind.slice(0, found.index))) return undefined;
    const start = at + found.index;
    const end = start + found[0].length;
    return { kind: "W&B key or alike", sort: "secret", start, end, open: "", isGuess: true };
  },
};

/** A key, and behind it its use. */
const hexadecimalBefore: Rule = {
  anchors: ["wandb"],
  find: (text, at) => {
    const from = Math.max(0, at - 100);
    const before = text.slice(from, at);
    const found = lastHexKey.exec(before);
    if (found === null || digest.test(before)) return undefined;
    const start = from + found.index;
    const end = start + found[1]!.length;
    return { kind: "W&B key or alike", sort: "secret", start, end, open: "", isGuess: true };
  },
};

export const assignments: ReadonlyArray<Rule> = [
  assignment,
  option,
  hexadecimal,
  hexadecimalBefore,
];
