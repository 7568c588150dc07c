/** Credentials by the header or address that they stand in. */
import { looksDrawn, looksUnspoken } from "./entropy.ts";
import { endingIn, matchAt, type Rule } from "./Rule.ts";

const bearer: Rule = {
  anchors: ["bearer"],
  find: (text, at) => {
    const found = matchAt(/bearer[\s:"'=]{1,4}([A-Za-z0-9._~+/-]{8,4000}={0,2})/iy, text, at);
    if (found === null) return undefined;
    const value = found[1]!;
    const inHeader = /authorization["']?\s{0,4}[:=]\s{0,4}["']?$/i.test(
      text.slice(Math.max(0, at - 32), at),
    );
    if (
      !looksDrawn(value) &&
      !(inHeader && (/\d/.test(value) || looksUnspoken(value.split(".")[0]!)))
    )
      return undefined;
    return endingIn(value, at, found, {
      kind: "bearer token",
      sort: "secret",
      open: "Bearer ",
      guessed: true,
    });
  },
};

const basic: Rule = {
  anchors: ["basic"],
  find: (text, at) => {
    const found = matchAt(/basic[\s:"']{1,4}([A-Za-z0-9+/_-]{6,1000}={0,2})/iy, text, at);
    if (found === null) return undefined;
    const plain = Buffer.from(found[1]!, "base64").toString("latin1");
    if (!/^[\x20-\x7e]{0,300}:[\x20-\x7e]{1,600}$/.test(plain)) return undefined;
    return endingIn(found[1]!, at, found, {
      kind: "name and password",
      sort: "secret",
      open: "Basic ",
    });
  },
};

const otherScheme: Rule = {
  anchors: ["authorization", "x-api-key", "x-auth-token", "private-token", "set-cookie", "cookie"],
  find: (text, at) => {
    const found = matchAt(
      /(?:authorization|x-api-key|x-auth-token|private-token|(?:set-)?cookie)["']?\s{0,4}:\s{0,4}["']?(?:[A-Za-z0-9-]{1,20}[ =])?([A-Za-z0-9._~+/%-]{8,2000}={0,2})/iy,
      text,
      at,
    );
    if (found === null || !looksDrawn(found[1]!)) return undefined;
    return endingIn(found[1]!, at, found, {
      kind: "credentials in a header",
      sort: "secret",
      open: "",
      guessed: true,
    });
  },
};

/** Marks for the reader to fill in, and variables. */
export const isPlaceholder = (value: string): boolean =>
  /^(?:<[^>]{0,80}>|\$.{0,80}|%[A-Z_]{1,40}%|\{.{0,80}\}?|\*{1,80}|x{1,4}|\.{2,10}|…|\[.{0,80}\]?|(?:redacted|removed|hidden|masked|password|passwd|pass|pwd|token|secret|null|none|undefined|true|false|string|required|optional))$/i.test(
    value,
  );

/** `scheme://name:password@host`, `scheme://token@host`. */
const inAddress: Rule = {
  anchors: ["://"],
  find: (text, at) => {
    const found = matchAt(
      /:\/\/([^\s/?#@:"'<>\\^`\0]{0,200})(?::([^\s/?#@"'<>\\^`\0]{0,200}))?@[A-Za-z0-9[]/y,
      text,
      at,
    );
    if (found === null) return undefined;
    const [, name = "", password] = found;
    const secret = password === undefined || password === "x-oauth-basic" ? name : password;
    if (isPlaceholder(secret) || secret === "" || (password === undefined && !looksDrawn(secret)))
      return undefined;
    const start = at + 3 + (secret === name ? 0 : name.length + 1);
    return {
      kind: "password in an address",
      sort: "secret",
      start,
      end: start + secret.length,
      open: "://",
    };
  },
};

/** `machine api.wandb.ai login user password …` in a `.netrc`. */
const netrc: Rule = {
  anchors: ["login"],
  find: (text, at) => {
    const found = matchAt(/login\s{1,20}\S{1,100}\s{1,20}password\s{1,20}(\S{4,200})/iy, text, at);
    if (found === null || isPlaceholder(found[1]!)) return undefined;
    return endingIn(found[1]!, at, found, {
      kind: "password",
      sort: "secret",
      open: "",
      guessed: true,
    });
  },
};

/** The same in another order, and with an account. */
const netrcMachine: Rule = {
  anchors: ["machine "],
  find: (text, at) => {
    const found = matchAt(
      /machine\s{1,20}\S{1,200}((?:\s{1,20}(?:login|account)\s{1,20}\S{1,100}){0,2})\s{1,20}password\s{1,20}([^\s\0]{4,200})/iy,
      text,
      at,
    );
    if (found === null || isPlaceholder(found[2]!)) return undefined;
    const behind = text.slice(at + found[0].length, at + found[0].length + 40);
    // Without either it is a sentence about a machine.
    if (found[1] === "" && !/^\s{1,20}(?:login|account)\s/i.test(behind)) return undefined;
    return endingIn(found[2]!, at, found, {
      kind: "password",
      sort: "secret",
      open: "",
      guessed: true,
    });
  },
};

export const headers: ReadonlyArray<Rule> = [
  bearer,
  basic,
  otherScheme,
  inAddress,
  netrc,
  netrcMachine,
];
