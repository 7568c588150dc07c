/** Rules for machines: addresses, and names of hosts and users as programs print them. Addresses for documentation count. */
import net from "node:net";
import { ruleOf, type Form } from "./Form.ts";
import { isCommonName } from "./names.ts";
import { isPlaceholder } from "./passwords.ts";
import { backOver, matchAt, type Rule } from "./Rule.ts";

/** Loopback, unspecified and netmask addresses. */
const shared = /^(?:127\.|0\.|255\.255\.)/;
const privateNetwork =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;

/** A version of four parts follows: `==12.4.5.8`, `"version": "1.2.3.4"`, `v1.2.3.4`, `cublas-12.4.5.8-py3`. */
const versionSign = /(?:version\W{0,6}|[=~<>^!]=|[~^])$/i;
const versionBefore = /(?:\bv|release\W{0,4}|[A-Za-z0-9]@|[A-Za-z][A-Za-z0-9]*[_-])$/i;
const goesOn = /^(?:[-+.]?[A-Za-z]|-\d)/;
const fileEnding = /^\.(?:log|out|err|txt|pid|sock|jsonl?|csv)(?![A-Za-z])/i;

const isVersion = (address: string, before: string, behind: string): boolean => {
  if (/[A-Za-z_]\s?=\s?$/.test(before)) return false;
  if (versionSign.test(before)) return true;
  if (!versionBefore.test(before)) return false;
  return !privateNetwork.test(address) || (goesOn.test(behind) && !fileEnding.test(behind));
};

const digits = "0123456789";
const hexDigits = `${digits}abcdef`;

/** Dots, dashes and colons are everywhere; few have a digit behind them. */
const beforeDigit = (sign: string, behind: string): ReadonlyArray<string> =>
  Array.from(behind, (digit) => sign + digit);

const ipv4: Rule = {
  anchors: beforeDigit(".", digits),
  find: (text, at) => {
    const start = backOver(/\d/, text, at, 3);
    if (start === at || /[\d.]/.test(text[start - 1] ?? " ")) return undefined;
    const address = matchAt(/(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)/y, text, start)?.[0];
    if (address === undefined || !net.isIPv4(address) || shared.test(address)) return undefined;
    const end = start + address.length;
    const before = text.slice(Math.max(0, start - 16), start);
    return isVersion(address, before, text.slice(end, end + 8))
      ? undefined
      : { kind: "IP address", sort: "machine", start, end, open: "" };
  },
};

const mac = /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;
const emptyMac = /^(?:00[:-]){5}00$|^(?:ff[:-]){5}ff$/i;

/** `a[1::2]` and `a::b` of programs are valid addresses, too. */
const isIpv6 = (address: string): boolean => {
  if (!net.isIPv6(address) || /^::ffff:(?:127|0)\./i.test(address)) return false;
  const groups = address.split(":").filter((group) => group !== "");
  const isGlobal = /^(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]|::ffff)/i.test(address);
  return groups.length >= (isGlobal ? 2 : 4) && /[0-9]/.test(address);
};

/** IPv6 and MAC addresses. */
const colons: Rule = {
  anchors: beforeDigit(":", `:${hexDigits}`),
  find: (text, at) => {
    const start = backOver(/[0-9a-f]/i, text, at, 4);
    if (/[0-9a-z:.]/i.test(text[start - 1] ?? " ")) return undefined;
    const written = matchAt(
      /(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?::|(?:\.\d{1,3}){3})?(?![0-9a-z_])/iy,
      text,
      start,
    )?.[0];
    const address = written?.replace(/(?<!:):$/, "");
    if (address === undefined || emptyMac.test(address)) return undefined;
    const kind = mac.test(address) ? "MAC address" : isIpv6(address) ? "IP address" : undefined;
    const end = start + address.length;
    return kind === undefined ? undefined : { kind, sort: "machine", start, end, open: "" };
  },
};

const dashedMac: Form = {
  kind: "MAC address",
  sort: "machine",
  anchors: beforeDigit("-", hexDigits),
  pattern: /(?<=(?<![0-9a-z-])(?<before>[0-9a-f]{2}))(?:-[0-9a-f]{2}){5}(?![0-9a-z-])/i,
  check: (address) => !emptyMac.test(address) && /[a-f]/i.test(address),
  example: "3c-22-fb-{}0a-1b-2c",
};

const localName: Form = {
  kind: "host name",
  sort: "machine",
  anchors: [".lan", ".local", ".internal", ".corp", ".intranet", ".home.arpa"],
  pattern:
    /(?<=(?<![$_\\A-Za-z0-9.-])(?<before>[A-Za-z0-9.-]{1,100}))\.(?:lan|localdomain|local|internal|corp|intranet|home\.arpa)(?![A-Za-z0-9_.(-]|:[:=])/,
  // `threading` before `local` is code; machines have numbers or dashes.
  check: (name) =>
    !/\.(?:local|internal)$/.test(name) || /[a-z].*(?:-|\d).*\.|\d.*[a-z].*\./i.test(name),
  example: "gpu-7{}.internal",
};

const awsHost: Form = {
  kind: "host name",
  sort: "machine",
  anchors: ["ip-"],
  pattern: /(?<![A-Za-z0-9])ip(?:-\d{1,3}){4}(?![\d-])/i,
  example: "ip-{}10-20-30-40",
};

const isName = (name: string): boolean => !isPlaceholder(name) && !isCommonName(name);

const named = (anchors: ReadonlyArray<string>, pattern: RegExp, example: string): Form => ({
  kind: "user or host name",
  sort: "machine",
  anchors,
  pattern,
  check: isName,
  isGuess: true,
  example,
});

/** Names as shells, schedulers, logs and programs print them. */
const reports: ReadonlyArray<Form> = [
  named(
    ["user", "logname", "hostname", "computername", "slurm", "pbs_o_", "lsb_", "ssh_c"],
    /(?<![A-Za-z0-9_])(?:USER(?:NAME|DOMAIN)?|LOGNAME|HOSTNAME|COMPUTERNAME|SLURMD_NODENAME|SLURM_(?:(?:JOB_|STEP_)?NODELIST|JOB_USER|SUBMIT_HOST|TOPOLOGY_ADDR)|PBS_O_HOST|LSB_HOSTS|SSH_(?:CONNECTION|CLIENT))(?:\s?=\s?["']?|["']\s?[=:]\s?["']?|(?<=["'][A-Z_]{4,24}): ?)(?<value>[A-Za-z0-9][^\s"',;$<>{}]{0,100})/,
    'SLURMD_NODENAME="{}gpubox7"',
  ),
  named(
    ["hostname", "host_name", "nodename", "node_name", "username", "user_name", "logname"],
    /(?<![A-Za-z0-9_.])(?:host_?name|node_?name|user_?name|logname)["']?\s?[:=]\s{0,2}(?:["'](?<value>[A-Za-z0-9][\w.-]{0,62})(?=["'])|(?<value>[A-Za-z0-9][\w.-]{0,62})(?=\s*(?:$|[\r\n\0])))/i,
    'hostname: "{}gpubox7"',
  ),
  named(
    ["linux ", "darwin "],
    /(?:linux|darwin) (?!kernel|version)(?<value>[A-Za-z0-9][A-Za-z0-9.-]{0,62})(?= \d{1,2}\.\d{1,3}\.\d)/i,
    "Linux {}gpubox7 5.15.0",
  ),
  named(
    ["logged in as:"],
    /logged in as:\s{1,2}(?<value>[A-Za-z][\w.-]{0,62})/i,
    "Currently logged in as: {}jodoe",
  ),
  // Names of files of TensorBoard: time, host, process.
  named(
    ["tfevents."],
    /tfevents\.\d{9,11}\.(?<value>(?=[\w.-]{0,62}[A-Za-z])[A-Za-z0-9](?:[\w-]|\.(?=[A-Za-z])){0,62})(?=\.\d)/,
    "events.out.tfevents.1700000000.{}gpubox7.123.0",
  ),
];

export const machineForms: ReadonlyArray<Form> = [dashedMac, localName, awsHost, ...reports];

export const machines: ReadonlyArray<Rule> = [ipv4, colons, ...machineForms.map(ruleOf)];
