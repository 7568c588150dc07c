/** Values that a name says are secret: in code, YAML, JSON, `.env` files, command lines and addresses. */
import { looksDrawn, looksUnspoken } from "./entropy.ts";
import { isPlaceholder } from "./headers.ts";
import { endingIn, backOver, matchAt, type Rule } from "./Rule.ts";

/** Names of what is always secret. */
const strong =
  /(?:passw(?:or)?d|passphrase|passwort|kennwort|pwd|secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key|account[_-]?key|signing[_-]?key|encryption[_-]?key|client[_-]?secret|credentials?|(?:auth|access|refresh|bearer|session|api|id)[_-]?token|auth[_-]?key)$/i;

/** Of these a pass is a password; that of others may be one through the data. */
const withPassword =
  /(?:^|[_-])(?:db|database|smtp|e?mail|imap|pop3?|ftp|sftp|ssh|user|usr|root|admin|my|mysql|maria|mongo|pg|postgres|postgresql|sql|redis|rabbitmq|amqp|mqtt|ldap|bind|http|proxy|auth|login|vpn|wifi|key|keystore|sudo|svn|git|registry|docker|jenkins|account|api)[_-]?pass$/i;

/** `pass`, `firstPass` and `pw`: of passwords as often as not. */
const weak = /(?:^|[_-])(?:pass|Pass|PASS|pw|PW)$|[a-z]P(?:ass|w)$/;

/** The rest of a name, the sign, and the value: in quotes or not. */
const assigned =
  /[A-Za-z0-9_-]{0,40}(["'`]?[ \t]{0,8}(?:=>|:=|[:=])\s{0,8})(?:(["'`])((?:(?!\2)[^\r\n\0\\]){1,256})\2?|([^\s"'`,;<>(){}[\]\0\\]{1,256}))/y;

const flag = /([ \t]{1,4}|=)(["']?)([^\s"'\0]{8,256})/y;

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

/** Beside a weak name, what has the mixture that people are asked for; `phase1` and `epoch-12` have not. */
const looksChosen = (value: string): boolean =>
  looksUnspoken(value) ||
  looksDrawn(value) ||
  (value.length >= 6 &&
    /[a-z]/i.test(value) &&
    /\d/.test(value) &&
    /^[^\s()[\]]+$/.test(value) &&
    !/^[a-z]+(?:[._ -]?\d+)+$/i.test(value) &&
    !/^(?:0x[0-9a-f]+|[v\d.,:e%+-]+[a-z]{0,5})$/i.test(value));

const isSecret = ({ key, value, quoted }: Value): boolean => {
  if (isPlaceholder(value) || isPublicAddress(value) || /^[./~]*(?:\/|$)/.test(value)) return false;
  const isEnvironment = /^[A-Z][A-Z0-9_]*$/.test(key);
  if (strong.test(key) || withPassword.test(key)) {
    if (/^\d+$/.test(value)) return value.length >= 6;
    if (quoted)
      return /pass|pwd|kennwort/i.test(key)
        ? value.length >= 4
        : value.length >= 6 && !/\s/.test(value);
    return (
      value.length >= 4 &&
      (isEnvironment ||
        looksUnspoken(/^[a-z]*(?=$|[.&])/i.exec(value)?.[0] ?? "") ||
        (!isCode(value) && /[\d!@#$%^&*+/=]/.test(value) && value.length >= 6))
    );
  }
  if (weak.test(key))
    return looksChosen(value) || (/pw$/i.test(key) && /^[a-z]{4,}\d{1,4}$/i.test(value));
  if (isDigest(value)) return false;
  if (isEnvironment && /(?:TOKEN|_KEY|_PAT|_AUTH)$/.test(key))
    return value.length >= 8 && (/\d/.test(value) || looksDrawn(value));
  return (
    /^[A-Za-z0-9+/=_.~-]{16,}$/.test(value) &&
    (looksDrawn(value) || (quoted && looksUnspoken(value)))
  );
};

const assignment: Rule = {
  anchors: ["pass", "kennwort", "pw", "secret", "key", "token", "credential", "auth", "_pat"],
  find: (text, at) => {
    const start = backOver(isWord, text, at, 40);
    const found = matchAt(assigned, text, at);
    if (found === null) return undefined;
    const [whole, sign, , inQuotes, bare] = found;
    const value = (inQuotes ?? bare)!;
    const key = text.slice(start, text.indexOf(sign!, at));
    if (
      !/(?:passw(?:or)?d|passphrase|passwort|kennwort|pwd|pass|pw|secret|key|token|credentials?|auth|_pat)$/i.test(
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
  /(?:password|passwd|passphrase|pwd|pass|pw|secret|key|token|credentials?|auth)$/i
    .exec(key)?.[0]
    .toLowerCase() ?? "…";

/** What follows an option where somebody writes about it. */
const inManuals =
  /^(?:arguments?|authentication|instead|options?|parameters?|prompt|protected|protection|settings?|specif\w+|supplied|switch|together|without|your\w+|provided|requires?|required|because|something|otherwise)$/;

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
    if (found === null || isPlaceholder(found[3]!)) return undefined;
    const value = found[3]!;
    const word = /^[a-z]{8,}(?![\w,:)(\]]|\.(?:\s|$))/.exec(value)?.[0];
    const isPassword = /^--passw/i.test(named) && word !== undefined && !inManuals.test(word);
    if (!/\d/.test(value) && !looksUnspoken(value) && !isPassword) return undefined;
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

/** `-p` right before the password, and `sshpass`, which has no other use. */
const shortOption: Rule = {
  anchors: [" -p", "sshpass"],
  find: (text, at) => {
    const found = matchAt(
      /(?: -p(["']?)|sshpass(?: -[vhP]{1,3}\S{0,20}){0,3} -p ?(["']?))([^\s"'\0<>|;&]{4,200})/y,
      text,
      at,
    );
    if (found === null || isPlaceholder(found[3]!)) return undefined;
    const line = text.slice(Math.max(0, at - 200), at);
    if (
      text[at] === " " &&
      !/\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump)\b[^\n|;&\0]*$/.test(line)
    )
      return undefined;
    return endingIn(found[3]!, at, found, {
      kind: "password",
      sort: "secret",
      open: "-p ",
      guessed: true,
    });
  },
};

/** A line of a `.pgpass`: host:port:database:user:password. The port tells it from other lines with colons. */
const pgpass: Rule = {
  anchors: [":5432:", ":5433:", ":6432:", ":*:"],
  find: (text, at) => {
    if (!/[\w.*\]-]/.test(text[at - 1] ?? " ")) return undefined;
    const found = matchAt(
      /:(?:\d{4}|\*):[^\s:"'\0]{1,64}:[^\s:"'\0]{1,64}:((?:\\.|[^\s:"'<>\\,;\0]){4,200})/y,
      text,
      at,
    );
    if (found === null || isPlaceholder(found[1]!)) return undefined;
    return endingIn(found[1]!, at, found, {
      kind: "password",
      sort: "secret",
      open: ":",
      guessed: true,
    });
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

const hexadecimalBehind =
  /[^\n\0]{0,120}?(?<![A-Za-z0-9])([a-f0-9]{40}|[a-f0-9]{32})(?![A-Za-z0-9])/iy;
/** Its key may stand in the next line. */
const behindWandb =
  /(?:[^\n\0]{0,120}?|[^\n\0]{0,80}\n[^\n\0]{0,40}?)(?<![A-Za-z0-9])([a-f0-9]{40}|[a-f0-9]{32})(?![A-Za-z0-9])/iy;

/** A key, and behind it what it is for. */
const beforeWandb: Rule = {
  anchors: ["wandb"],
  find: (text, at) => {
    const from = Math.max(0, at - 100);
    const found = /(?<![A-Za-z0-9])([a-f0-9]{40})(?![A-Za-z0-9])[^\n\0]{1,50}$/i.exec(
      text.slice(from, at),
    );
    if (found === null || /commit|revision|sha|digest|checksum/i.test(text.slice(from, at)))
      return undefined;
    const start = from + found.index;
    return {
      kind: "W&B key or alike",
      sort: "secret",
      start,
      end: start + 40,
      open: "",
      guessed: true,
    };
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
      text[at]!.toLowerCase() === "w" ? behindWandb : hexadecimalBehind,
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

export const assignments: ReadonlyArray<Rule> = [
  assignment,
  option,
  shortOption,
  pgpass,
  curlUser,
  hexadecimal,
  beforeWandb,
];
