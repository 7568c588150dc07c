/** Credentials by the header, the address or the command in which they stand: one table. */
import type { Form } from "./Form.ts";
import { looksRandom, looksUnpronounceable } from "./randomness.ts";

/** Marks for the reader to fill in, variables, and words for the thing itself. */
export const isPlaceholder = (value: string): boolean =>
  /^(?:<[^>]{0,80}>|\$.{0,80}|%[A-Z_]{1,40}%|\{.{0,80}\}?|\*{1,80}|x{1,4}|\.{2,10}|…|\[.{0,80}\]?|(?:redacted|removed|hidden|masked|password|passwd|pass|pwd|token|secret|null|none|undefined|true|false|string|required|optional))$/i.test(
    value,
  );

const isGiven = (value: string): boolean => !isPlaceholder(value);

const isNameAndPassword = (encoded: string): boolean =>
  /^[\x20-\x7e]{0,300}:[\x20-\x7e]{1,600}$/.test(Buffer.from(encoded, "base64").toString("latin1"));

const sure = (
  kind: string,
  anchors: ReadonlyArray<string>,
  pattern: RegExp,
  check: (value: string) => boolean,
  example: string,
): Form => ({ kind, sort: "secret", anchors, pattern, check, example });

const guess = (...form: Parameters<typeof sure>): Form => ({ ...sure(...form), isGuess: true });

export const passwords: ReadonlyArray<Form> = [
  guess(
    "bearer token",
    ["bearer"],
    /bearer[\s:"'=]{1,4}(?<value>[\w.~+/-]{8,4000}={0,2})/i,
    looksRandom,
    "Bearer {w32}",
  ),
  guess(
    "bearer token",
    ["authorization"],
    /authorization["']?\s{0,4}[:=]\s{0,4}["']?bearer[\s:"'=]{1,4}(?<value>[\w.~+/-]{8,4000}={0,2})/i,
    (value) => /\d/.test(value) || looksUnpronounceable(value.split(".")[0]!),
    "Authorization: Bearer {w32}",
  ),
  sure(
    "name and password",
    ["basic"],
    /basic[\s:"']{1,4}(?<value>[A-Za-z0-9+/_-]{6,1000}={0,2})/i,
    isNameAndPassword,
    "Basic bmFt{}ZTp4eHg=",
  ),
  guess(
    "credentials in a header",
    ["authorization", "x-api-key", "x-auth-token", "private-token", "cookie"],
    /(?:authorization|x-api-key|x-auth-token|private-token|cookie)["']?\s{0,4}:\s{0,4}["']?(?:[A-Za-z0-9-]{1,20}[ =])?(?<value>[\w.~+/%-]{8,2000}={0,2})/i,
    looksRandom,
    "Cookie: session={w32}",
  ),
  sure(
    "password in an address",
    ["://"],
    /:\/\/[^\s/?#@:"'<>\\^`\0]{0,200}:(?<value>(?!x-oauth-basic@)[^\s/?#@"'<>\\^`\0]{1,200})(?=@[A-Za-z0-9[])/,
    isGiven,
    "postgres://jo:{w12}@db",
  ),
  sure(
    "password in an address",
    ["://"],
    /:\/\/(?<value>[^\s/?#@:"'<>\\^`\0]{16,200})(?=(?::x-oauth-basic)?@[A-Za-z0-9[])/,
    looksRandom,
    "https://{w36}@git.host/x",
  ),
  // A `.netrc`
  guess(
    "password",
    ["login", "account"],
    /(?:login|account)\s{1,20}\S{1,100}\s{1,20}(?:account\s{1,20}\S{1,100}\s{1,20})?password\s{1,20}(?<value>[^\s\0]{4,200})/i,
    isGiven,
    "machine host login jo password {w12}",
  ),
  guess(
    "password",
    ["machine "],
    /machine\s{1,20}\S{1,200}\s{1,20}password\s{1,20}(?<value>[^\s\0]{4,200})(?=\s{1,20}(?:login|account)\s)/i,
    isGiven,
    "machine host password {w12} login jo",
  ),
  // A `.pgpass`: host, port, database, user, password. The port distinguishes it from other lines with colons.
  guess(
    "password",
    [":5432:", ":5433:", ":6432:", ":*:"],
    /(?<=[\w.*\]-]):(?:\d{4}|\*):[^\s:"'\0]{1,64}:[^\s:"'\0]{1,64}:(?<value>(?:\\.|[^\s:"'<>\\,;\0]){4,200})/,
    isGiven,
    "db.host:5432:runs:jo:{w12}",
  ),
  guess(
    "password",
    [" -p"],
    /(?<=\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump)\b[^\n|;&\0]{0,200}) -p["']?(?<value>[^\s"'\0<>|;&]{4,200})/,
    isGiven,
    "mysql -u jo -p{w12} runs",
  ),
  guess(
    "password",
    ["sshpass"],
    /sshpass(?: -[vhP]{1,3}\S{0,20}){0,3} -p ?["']?(?<value>[^\s"'\0<>|;&]{4,200})/,
    isGiven,
    "sshpass -p {w12} ssh host",
  ),
  guess(
    "name and password",
    ["-u ", "-u'", '-u"', "--user "],
    /(?<=\b(?:curl|wget|https?)\b[^\n\0]{0,200})(?:-u|--user)[ "']{1,3}[^\s:"']{1,64}:(?<value>[^\s"'\0]{3,200})/i,
    isGiven,
    "curl -u jo:{w12} https://host",
  ),
];
