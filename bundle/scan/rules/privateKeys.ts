/** Private keys as text, with their headers or without. */
import { matchAt, type Rule } from "./Rule.ts";

const keyHeader =
  /-{2,8}\s{0,3}begin\s{1,4}(?:[a-z0-9]{1,12}\s{1,4}){0,4}private\s{1,4}key(?:\s{1,4}block)?\s{0,3}-{2,8}/iy;
const keyFooter = /-{2,8}\s{0,3}end\s/gi;

/** PEM, OpenSSH and PGP alike. */
const privateKey: Rule = {
  anchors: ["-begin", "- begin"],
  find: (text, at) => {
    let start = at;
    while (start > at - 7 && text[start - 1] === "-") start -= 1;
    const header = matchAt(keyHeader, text, start);
    if (header === null) return undefined;
    const body = text.slice(start + header[0].length, start + 12_000);
    keyFooter.lastIndex = 0;
    const end =
      start + header[0].length + (keyFooter.exec(body)?.index ?? Math.min(body.length, 64));
    return {
      kind: "private key",
      sort: "secret",
      start,
      end,
      open: "-----BEGIN … PRIVATE KEY-----",
    };
  },
};

const putty: Rule = {
  anchors: ["putty-user-key-file-"],
  find: (text, at) => {
    const found = matchAt(/putty-user-key-file-\d[^\0]{1,4000}private-mac/iy, text, at);
    return found === null
      ? undefined
      : {
          kind: "private key",
          sort: "secret",
          start: at,
          end: at + found[0].length,
          open: "PuTTY",
        };
  },
};

/** What DER of a private key looks like in base64, where somebody cut the header off. */
const bareKey: Rule = {
  anchors: [
    "miiev",
    "miieo",
    "miieu",
    "miijk",
    "miijq",
    "miice",
    "miicd",
    "mc4caqaw",
    "mhccaqee",
    "mighageam",
  ],
  find: (text, at) => {
    const body = matchAt(
      /(?:MII(?:Ev|Eo|Eu|Jk|Jq|Ce|Cd)[A-Za-z0-9+/]{2}IBA[A-Za-z0-9+/]{20,4000}|MC4CAQAw[A-Za-z0-9+/]{20,80}|MHcCAQEE[A-Za-z0-9+/]{20,200}|MIGHAgEAM[A-Za-z0-9+/]{20,200})/y,
      text,
      at,
    );
    return body === null || /[A-Za-z0-9+/]/.test(text[at - 1] ?? " ")
      ? undefined
      : { kind: "private key", sort: "secret", start: at, end: at + body[0].length, open: "" };
  },
};

const mostOfKey = 3200;

/** A JSON Web Key with its private part; before and behind it there is more of the same object. */
const webKey: Rule = {
  anchors: ['"kty"'],
  find: (text, at) => {
    const before = text.slice(Math.max(0, at - mostOfKey), at);
    const from = at - before.length + before.lastIndexOf("{") + 1;
    const behind = text.slice(at, at + mostOfKey);
    const end = behind.indexOf("}");
    const part = /"[dk]"\s{0,4}:\s{0,4}"([A-Za-z0-9_-]{16,1400})"/.exec(
      text.slice(from, at) + (end < 0 ? behind : behind.slice(0, end)),
    );
    if (part === null) return undefined;
    const start = from + part.index + part[0].length - part[1]!.length - 1;
    return {
      kind: "private key",
      sort: "secret",
      start,
      end: start + part[1]!.length,
      open: '"d": ',
    };
  },
};

export const privateKeys: ReadonlyArray<Rule> = [privateKey, putty, bareKey, webKey];
