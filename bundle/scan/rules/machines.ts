/** What names a machine: addresses in a network, host names. Ranges for documentation count: nothing of ours needs them. */
import net from "node:net";
import { isPlaceholder } from "./headers.ts";
import { namesNobody } from "./known.ts";
import { endingIn, backOver, matchAt, type Hit, type Rule } from "./Rule.ts";

/** Every machine calls itself so, and masks. */
const ofNobody = /^(?:127\.|0\.|255\.255\.)/;

/** What stands before the four parts of a version: `==12.4.5.8`, `"version": "1.2.3.4"`, `v1.2.3.4`, `cublas-12.4.5.8-py3`. */
const versionBefore =
  /(?:[=~<>^!]=|[~^]|\bv|version\W{0,6}|release\W{0,4}|[A-Za-z0-9]@|[A-Za-z][A-Za-z0-9]*[_-])$/i;
const isPrivate =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;

const ipv4At = (text: string, start: number, written: string): Hit | undefined => {
  const address = written.replaceAll("-", ".");
  if (net.isIPv4(address) === false || ofNobody.test(address)) return undefined;
  const before = text.slice(Math.max(0, start - 16), start);
  const end = start + written.length;
  const goesOn =
    /^(?:[-+.]?[A-Za-z]|-\d)/.test(text.slice(end, end + 2)) &&
    /^[-+.A-Za-z]/.test(text[end] ?? " ");
  const isOfFile = /^\.(?:log|out|err|txt|pid|sock|jsonl?|csv)(?![A-Za-z])/i.test(
    text.slice(end, end + 7),
  );
  const isAssigned = /[A-Za-z_]\s?=\s?$/.test(before);
  if (
    !isAssigned &&
    versionBefore.test(before) &&
    !(isPrivate.test(address) && !/version|[=~<>^]=$/i.test(before) && (!goesOn || isOfFile))
  )
    return undefined;
  return { kind: "IP address", sort: "machine", start, end, open: "" } as const;
};

const digits = "0123456789";
const hexDigits = `${digits}abcdef`;

/** Dots, dashes and colons are everywhere: few have a digit behind them. */
const before = (sign: string, behind: string): ReadonlyArray<string> =>
  Array.from(behind, (digit) => sign + digit);

const ipv4: Rule = {
  anchors: before(".", digits),
  find: (text, at) => {
    const start = backOver(/\d/, text, at, 3);
    if (start === at || /[\d.]/.test(text[start - 1] ?? " ")) return undefined;
    const found = matchAt(/(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)/y, text, start);
    return found === null ? undefined : ipv4At(text, start, found[0]);
  },
};

const awsHost: Rule = {
  anchors: ["ip-", "ec2-"],
  find: (text, at) => {
    const found = matchAt(/(?:ip|ec2)-(\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3})(?![\d-])/iy, text, at);
    if (found === null || /[A-Za-z0-9]/.test(text[at - 1] ?? " ")) return undefined;
    return {
      kind: "host name",
      sort: "machine",
      start: at,
      end: at + found[0].length,
      open: "ip-",
    };
  },
};

const mac = /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;
const nobodysMac = /^(?:00[:-]){5}00$|^(?:ff[:-]){5}ff$/i;

const colonAt = (text: string, start: number, written: string): Hit | undefined => {
  const end = start + written.length;
  if (/[0-9a-z_]/i.test(text[end] ?? " ")) return undefined;
  const address = written.replace(/(?<!:):$/, "");
  if (mac.test(address)) {
    return nobodysMac.test(address)
      ? undefined
      : ({
          kind: "MAC address",
          sort: "machine",
          start,
          end: start + address.length,
          open: "",
        } as const);
  }
  if (!net.isIPv6(address)) return undefined;
  // `a[1::2]` and `a::b` of programs are addresses too, on paper.
  const groups = address.split(":").filter((group) => group !== "");
  const isGlobal = /^(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]|::ffff)/i.test(address);
  if (groups.length < 2 || (!isGlobal && groups.length < 4) || !/[0-9]/.test(address))
    return undefined;
  if (/^::ffff:(?:127|0)\./i.test(address)) return undefined;
  return {
    kind: "IP address",
    sort: "machine",
    start,
    end: start + address.length,
    open: "",
  } as const;
};

/** IPv6 and MAC addresses: both have colons between hexadecimal digits. */
const colons: Rule = {
  anchors: before(":", `:${hexDigits}`),
  find: (text, at) => {
    const start = backOver(/[0-9a-f]/i, text, at, 4);
    if (/[0-9a-z:.]/i.test(text[start - 1] ?? " ")) return undefined;
    const found = matchAt(
      /(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?::|(?:\.\d{1,3}){3})?/iy,
      text,
      start,
    );
    return found === null ? undefined : colonAt(text, start, found[0]);
  },
};

/** With dashes between pairs of digits, or dots between fours. */
const otherMac: Rule = {
  anchors: [...before("-", hexDigits), ...before(".", hexDigits)],
  find: (text, at) => {
    const length = text[at] === "-" ? 2 : 4;
    if (text[at + length + 1] !== text[at]) return undefined;
    const start = at - length;
    const found = matchAt(
      /(?<![0-9a-z-])[0-9a-f]{2}(?:-[0-9a-f]{2}){5}(?![0-9a-z-])|(?<![0-9a-z.])[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}(?![0-9a-z.])/iy,
      text,
      Math.max(0, start),
    )?.[0];
    if (found === undefined || nobodysMac.test(found) || /^[0-9.]+$/.test(found)) return undefined;
    return { kind: "MAC address", sort: "machine", start, end: start + found.length, open: "" };
  },
};

/** Names that only a local network knows. */
const localName: Rule = {
  anchors: [".lan", ".local", ".internal", ".corp", ".intranet", ".home.arpa"],
  find: (text, at) => {
    const suffix = matchAt(
      /\.(?:lan|localdomain|local|internal|corp|intranet|home\.arpa)(?![A-Za-z0-9_.(-]|:[:=])/y,
      text,
      at,
    )?.[0];
    if (suffix === undefined) return undefined;
    const start = backOver(/[A-Za-z0-9.-]/, text, at, 100);
    const name = text.slice(start, at);
    if (name === "" || /[$_\\]/.test(text[start - 1] ?? " ")) return undefined;
    // `threading` before `local` is code; machines have numbers or dashes.
    if (/^\.(?:local|internal)$/.test(suffix) && !/[a-z].*(?:-|\d)|\d.*[a-z]/i.test(name))
      return undefined;
    return { kind: "host name", sort: "machine", start, end: at + suffix.length, open: "" };
  },
};

/** What `uname -a` prints. */
const uname: Rule = {
  anchors: ["linux ", "darwin "],
  find: (text, at) => {
    const found = matchAt(
      /(?:linux|darwin) ([A-Za-z0-9][A-Za-z0-9.-]{0,62}) \d{1,2}\.\d{1,3}\.\d/iy,
      text,
      at,
    );
    if (found === null || /^(?:kernel|version|localhost)$/i.test(found[1]!)) return undefined;
    const start = at + found[0].indexOf(" ") + 1;
    return { kind: "host name", sort: "machine", start, end: start + found[1]!.length, open: "" };
  },
};

/** Variables by which shells and batch systems name people and machines. */
const variable: Rule = {
  anchors: [
    "user",
    "logname",
    "hostname",
    "computername",
    "nodelist",
    "ssh_c",
    "slurm",
    "home",
    "pbs_o_",
    "lsb_",
  ],
  find: (text, at) => {
    if (/[A-Za-z0-9]/.test(text[at - 1] ?? " ")) return undefined;
    const start = backOver(/[A-Z_]/, text, at, 24);
    const found = matchAt(
      /((?:SUDO_|SLURM_JOB_|PBS_O_|JPY_)?(?:USER|LOGNAME|USERNAME|HOSTNAME|COMPUTERNAME|USERDOMAIN|NODELIST)|PBS_O_HOST|LSB_(?:HOSTS|MCPU_HOSTS|SUB_HOST)|SLURMD_NODENAME|SLURM_(?:NODELIST|SUBMIT_HOST|STEP_NODELIST|TOPOLOGY_ADDR|JOB_NODELIST)|SSH_(?:CONNECTION|CLIENT))(["']?\s?[=:]\s?["']?)([A-Za-z0-9][^\s"',;$<>{}]{0,100})/y,
      text,
      start,
    );
    if (found === null || isOption(found[2]!, text, start)) return undefined;
    return endingIn(found[3]!, start, found, {
      kind: "user or host name",
      sort: "machine",
      open: `${found[1]!}=`,
      guessed: true,
    });
  },
};

/** `USER: hello` in a dialogue is no variable. */
const isOption = (sign: string, text: string, start: number): boolean =>
  sign.includes(":") && !/["']/.test(sign) && !/["']/.test(text[start - 1] ?? " ");

const telling = (anchors: ReadonlyArray<string>, pattern: RegExp, sort: Hit["sort"]): Rule => ({
  anchors,
  find: (text, at) => {
    const found = matchAt(pattern, text, at);
    const name = found?.[1];
    if (found === null || name === undefined || namesNobody(name) || isPlaceholder(name))
      return undefined;
    return endingIn(name, at, found, {
      kind: "user or host name",
      sort,
      open: "",
      guessed: true,
    });
  },
});

const name = String.raw`([A-Za-z][\w.-]{0,62})`;

/** What programs print of who works where. */
const told: ReadonlyArray<Rule> = [
  // `id`
  telling(["uid=", "gid="], new RegExp(String.raw`[ug]id=\d{1,10}\(${name}(?=\))`, "y"), "person"),
  // `wandb` and others
  telling(["logged in as:"], new RegExp(String.raw`logged in as:\s{1,2}${name}`, "iy"), "person"),
  // `/etc/hosts` of a Debian
  telling(["127.0.1.1"], new RegExp(String.raw`127\.0\.1\.1[ \t]{1,16}${name}`, "y"), "machine"),
  // `ls -l`
  telling(
    ["drwx", "-rw-", "-rwx", "-r--"],
    new RegExp(
      String.raw`(?:d|-)(?:[r-][w-][xsStT-]){3}[.+@]?[ \t]{1,4}\d{1,6}[ \t]{1,4}${name}(?=[ \t]{1,9}[\w.-]{1,63}[ \t]{1,12}\d)`,
      "y",
    ),
    "person",
  ),
  // Names of files that TensorBoard reads: when, on which machine, by which process.
  telling(
    ["tfevents."],
    /tfevents\.\d{9,11}\.((?=[\w.-]*[A-Za-z])[A-Za-z0-9](?:[\w-]|\.(?=[A-Za-z])){0,62})(?=\.\d)/y,
    "machine",
  ),
];

/** Fields of logs and settings that say the same. */
const field: Rule = {
  anchors: ["hostname", "host_name", "nodename", "node_name", "username", "user_name", "logname"],
  find: (text, at) => {
    if (/[A-Za-z0-9_.]/.test(text[at - 1] ?? " ")) return undefined;
    const found = matchAt(
      /(?:hostname|host_name|nodename|node_name|username|user_name|logname)["']?\s?[:=]\s{0,2}(?:(["'])([A-Za-z0-9][\w.-]{0,62})\1|([A-Za-z0-9][\w.-]{0,62})(?=\s*(?:$|[\r\n\0])))/iy,
      text,
      at,
    );
    const value = found?.[2] ?? found?.[3];
    if (found === null || value === undefined || isPlaceholder(value) || namesNobody(value))
      return undefined;
    const start = at + found[0].lastIndexOf(value);
    return {
      kind: "user or host name",
      sort: "machine",
      start,
      end: start + value.length,
      open: "",
      guessed: true,
    };
  },
};

export const machines: ReadonlyArray<Rule> = [
  ipv4,
  colons,
  otherMac,
  awsHost,
  localName,
  uname,
  variable,
  ...told,
  field,
];
