/** Secrets, made when a test runs so that none stands in the repository, and files to hide them in. */
import zlib from "node:zlib";

/** Random letters, the same in each run. */
const drawn = (length: number, letters: string): string => {
  let state = 12_345;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return letters[(state >>> 16) % letters.length];
  }).join("");
};

const lower = "abcdefghijklmnopqrstuvwxyz";
const digits = "0123456789";
const letters = lower + lower.toUpperCase();
const word = lower + lower.toUpperCase() + digits;
const of = (...parts: ReadonlyArray<string>): string => parts.join("");

/** A text, and the part of it that may not be shown. */
export interface Planted {
  readonly text: string;
  readonly secret: string;
}

const bare = (secret: string): Planted => ({ text: secret, secret });
const named = (before: string, secret: string, after = ""): Planted => ({
  text: before + secret + after,
  secret,
});

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const base64url = (text: string): string => Buffer.from(text).toString("base64url");

const pem = (what: string): Planted => {
  const body = drawn(64, word);
  const dashes = "-".repeat(5);
  return {
    text: of(dashes, "BEGIN ", what, dashes, "\n", body, "\n", dashes, "END ", what, dashes),
    secret: body,
  };
};

const hex = "0123456789abcdef";
const upper = lower.toUpperCase() + digits;
const dashes = word + "-_";

/** An example of a table (`scan/rules/Form.ts`) with its random parts. */
export const exampleText = (example: string): string => {
  const alphabets = { w: word, h: hex, u: upper };
  return example
    .replaceAll(/\{([whu])(\d+)\}/g, (_, name: "w" | "h" | "u", length) =>
      drawn(Number(length), alphabets[name]),
    )
    .replaceAll("{}", "");
};

/** Found by their form alone; their marks may be shown. */
const tokens: Readonly<Record<string, Planted>> = {
  "Azure secret": bare(of(drawn(3, word), "8", "Q~", drawn(34, word))),
  "Azure SAS": named(of("https://x.invalid/c?sv=2022-11-02&s", "ig="), drawn(43, word), "%3D"),
  "address signed for S3": named(
    of("https://x.invalid/k?X-Amz-Sig", "nature="),
    drawn(64, hex),
    "&y",
  ),
  "address signed for GCS": named(of("https://x.invalid/k?X-Goog-Sig", "nature="), drawn(256, hex)),
  "GCP HMAC": named(of("GO", "OG"), drawn(57, upper)),
  Mailgun: named(of("k", "ey-"), drawn(32, hex)),
  Mailchimp: bare(of(drawn(32, hex), "-u", "s12")),
  Twilio: named(of("S", "K"), drawn(32, hex)),
  "Discord bot": bare(of("M", drawn(23, word), ".", "G", drawn(5, word), ".", drawn(38, word))),
  Square: named(of("sq", "0atp-"), drawn(22, word)),
  Dropbox: named(of("s", "l."), drawn(135, word)),
  Airtable: named(of("pa", "t"), of(drawn(14, word), ".", drawn(64, hex))),
  "New Relic": named(of("NR", "AK-"), drawn(27, upper)),
  Netlify: named(of("nf", "p_"), drawn(36, word)),
  Sonar: named(of("sq", "p_"), drawn(40, hex)),
  Snyk: named(of("snyk", "_uat."), drawn(80, word)),
  Doppler: named(of("dp", ".pt."), drawn(43, word)),
  LangSmith: named(of("lsv2", "_pt_"), of(drawn(32, hex), "_", drawn(10, hex))),
  Pinecone: named(of("pc", "sk_"), drawn(60, word)),
  PlanetScale: named(of("pscale", "_pw_"), drawn(43, word)),
  Terraform: named(of(drawn(14, word), ".atlas", "v1."), drawn(65, word)),
  Pulumi: named(of("pu", "l-"), drawn(40, hex)),
  RunPod: named(of("rp", "a_"), drawn(40, upper)),
  Modal: named(of("a", "k-"), drawn(22, word)),
  ElevenLabs: named(of("s", "k_"), drawn(48, hex)),
  Together: named(of("tgp", "_v1_"), drawn(43, word)),
  Fireworks: named(of("f", "w_"), drawn(24, word)),
  Facebook: named(of("EAACEd", "Eose0cBA"), drawn(80, word)),
  EasyPost: named(of("EZ", "AK"), drawn(54, word)),
  Vercel: named(of("vc", "p_"), drawn(40, word)),
  Heroku: named(of("HR", "KU-"), drawn(60, word)),
  Render: named(of("rn", "d_"), drawn(32, word)),
  Fly: named(of("fm", "2_"), drawn(120, word)),
  "1Password": named(of("ops_", "eyJ"), drawn(250, word)),
  Mapbox: named(of("sk.", "eyJ"), of(drawn(60, word), ".", drawn(22, word))),
  Sentry: named(of("sntr", "ys_"), drawn(60, word)),
  JFrog: named(of("AK", "Cp"), drawn(69, word)),
  Cloudflare: named(of("v1", ".0-"), of(drawn(24, hex), "-", drawn(146, hex))),
  Teams: named(of("https://x.webhook.", "office.com/webhookb2/"), drawn(90, dashes)),
  "W&B before its name": named("", drawn(40, hex), " is for wandb"),
  "JSON Web Key": named(
    of('{"kty": "EC", "x": "', drawn(43, dashes), '", "', 'd": "'),
    drawn(43, word),
    '"}',
  ),
};
export const secrets: Readonly<Record<string, Planted>> = {
  "Hugging Face": bare(of("hf", "_", drawn(34, word))),
  "GitHub classic": bare(of("gh", "p_", drawn(36, word))),
  "GitHub OAuth": bare(of("gh", "o_", drawn(36, word))),
  "GitHub app": bare(of("gh", "s_", drawn(36, word))),
  "GitHub fine-grained": bare(of("github", "_pat_", drawn(22, word), "_", drawn(59, word))),
  GitLab: bare(of("gl", "pat-", drawn(20, word))),
  "AWS key": bare(of("AK", "IA", drawn(16, lower.toUpperCase() + "234567"))),
  "AWS session key": bare(of("AS", "IA", drawn(16, lower.toUpperCase() + "234567"))),
  "AWS secret": named(of("aws_secret", "_access_key = "), drawn(40, word + "/+")),
  "Google key": bare(of("AI", "za", drawn(35, word))),
  "Google account": named(
    of('{"type": "service', '_account", "private_key', '_id": "'),
    drawn(40, "0123456789abcdef"),
    '"}',
  ),
  Slack: bare(of("xo", "xb-", drawn(12, digits), "-", drawn(24, word))),
  OpenAI: bare(of("s", "k-", drawn(48, word))),
  "OpenAI project": bare(of("s", "k-proj-", drawn(48, word))),
  Anthropic: bare(of("s", "k-ant-api03-", drawn(80, word))),
  "W&B": named(of("WANDB_API", "_KEY="), drawn(40, "0123456789abcdef")),
  "W&B in prose": named("wandb: logged in with ", drawn(40, "0123456789abcdef")),
  npm: bare(of("np", "m_", drawn(36, word))),
  PyPI: bare(of("py", "pi-AgEIcHlwaS5vcmc", drawn(60, word))),
  JWT: bare(
    of(base64url('{"alg":"HS256"}'), ".", base64url('{"sub":"1234567890"}'), ".", drawn(43, word)),
  ),
  bearer: named(of("Authorization: Bear", "er "), drawn(32, word)),
  basic: named(of("Authorization: Bas", "ic "), base64("jo:open sesame 7")),
  "password in a URL": named(of("postgres:", "//jo:"), drawn(12, word), "@db:5432/runs"),
  "token in a URL": named("https://", drawn(36, word), "@git.host/x/y"),
  password: named(of("pass", "word: "), "Tr0ub4dor&3"),
  "password like a name": named(of("pass", "word: "), "hunter2"),
  "user of curl": named(of("curl -", "u jo:"), "s3cr3tpw", " https://host.invalid"),
  "password in quotes": named(of('{"db_pass', 'word": "'), "correct horse", '"}'),
  "password of digits": named(of('{"pass', 'word": '), "8374923847", "}"),
  "token of a service": named(of("SERVICE_TO", "KEN="), drawn(24, word)),
  "API key": named(of('"api', '_key": "'), drawn(24, word), '"'),
  netrc: named(of("machine api.host login user pass", "word "), drawn(40, "0123456789abcdef")),
  "password for a database": named(of("DB_PA", "SS="), "Sommerwind"),
  "password for mail": named(of("SMTP_PA", 'SS: "'), "sommer wind", '"'),
  "pass with a mixture": named(of("pa", 'ss = "'), "Sommer24!", '"'),
  "pw with a colon": named(of("p", "w: "), "hunter2"),
  "password of letters": named(of("pass", "word="), drawn(12, letters)),
  "password of a connection": named(of("Server=db;User Id=jo;P", "wd="), drawn(12, letters), ";"),
  "client's secret of letters": named(of("client_se", "cret="), drawn(24, letters)),
  "token of letters": named(of("to", "ken = '"), drawn(24, letters), "'"),
  "password of a command": named(of("run --pass", "word "), "hunterhunter"),
  "bearer of letters": named(of("Authorization: Bear", "er "), drawn(32, letters)),
  pgpass: named(of("db.invalid:54", "32:runs:jo:"), drawn(12, word)),
  "pgpass of any database": named(of("db.invalid:", "*:", "*:jo:"), drawn(12, word)),
  mysql: named(of("mysql -u jo -", "p"), drawn(12, word), " runs"),
  sshpass: named(of("ssh", "pass -p '"), drawn(12, word), "' ssh x"),
  "netrc, password first": named(
    of("machine api.host pass", "word "),
    drawn(12, word),
    " login jo",
  ),
  "netrc, account": named(of("machine api.host login jo account a pass", "word "), drawn(12, word)),
  shadow: named(
    of("jo:", "$", "6", "$"),
    of(drawn(16, word), "$", drawn(86, word)),
    ":19000:0:9:7:::",
  ),
  bcrypt: bare(of("$", "2b", "$", "12", "$", drawn(53, word))),
  htpasswd: named(of("jo:$", "apr1$"), of(drawn(8, word), "$", drawn(22, word))),
  "htpasswd, SHA": named("jo:", of("{", "SHA}", drawn(27, word), "=")),
  ...tokens,
  "RSA key": pem("RSA PRIVATE KEY"),
  "PKCS8 key": pem("PRIVATE KEY"),
  "OpenSSH key": pem("OPENSSH PRIVATE KEY"),
  "PGP key": pem("PGP PRIVATE KEY BLOCK"),
  "key in small letters": pem("rsa private key"),
};

export const people: Readonly<Record<string, Planted>> = {
  "e-mail": bare(of("jo.doe", "@", "lab.uni.edu")),
  "e-mail in capitals": bare(of("JO.DOE", "@", "LAB.UNI.EDU")),
  "e-mail of an example": bare(of("jane", "@", "example.com")),
  "e-mail spelled out": bare(of("jo.doe [", "at] lab [dot] edu")),
  "home on Linux": named(of("/ho", "me/"), "jodoe", "/runs"),
  "home on macOS": named(of("/Us", "ers/"), "jodoe", "/runs"),
  "home on Windows": named(of("C:", "\\Users\\"), "jodoe", "\\runs"),
  "home on Windows, slashes": named(of("C:", "/Users/"), "jodoe", "/runs"),
  "home of the root": bare(of("/ro", "ot/.cache/x")),
  "prompt of a shell": bare(of("jodoe", "@", "gpu7:~$ ls")),
  "owner of a public key": bare(of("ssh-rsa AAAA", "B3NzaC1yc2E jodoe", "@", "laptop")),
  "field of a log": named(of('"host', 'name": "'), "gpubox7", '"'),
  "known user": bare(of("muster", "mann")),
  "known host": bare(of("titan", "-04")),
  "known host with domain": bare(of("titan", "-04.cs.", "uni-x.de")),
  "known home": bare(of("/work/", "people/mm")),
  IPv4: bare(of("10.", "20.30.40")),
  "IPv4, public": bare(of("141.", "20.33.7")),
  IPv6: bare(of("2001:", "638:a000:4140:", ":ffff:189")),
  "IPv6, link-local": bare(of("fe80::", "1ff:fe23:", "4567:890a")),
  MAC: bare(of("3c:", "22:fb:0a:1b:2c")),
  "MAC with dashes": bare(of("3C-", "22-FB-0A-1B-2C")),
  "AWS host": bare(of("ip-", "10-20-30-40.ec2.", "internal")),
  "home of a second disk": named(of("/ho", "me2/"), "jodoe", "/runs"),
  "home exported": named(of("/export/ho", "me2/"), "jodoe"),
  "home in AFS": named(of("/afs/", "x.invalid/user/j/"), "jodoe"),
  "scratch of a known user": bare(of("/scratch/", "qz", "/runs")),
  "ssh with a key": bare(of("ssh -i key ", "jodoe", "@", "gpubox7")),
  "W&B's greeting": named(of("wandb: Currently logged ", "in as: "), "jodoe"),
  "host of PBS": named(of("PBS_O_", "HOST="), "gpubox7"),
  "host of Slurm": named(of("SLURMD_", "NODENAME="), "gpubox7"),
  "hosts of LSF": named(of("LSB_", "HOSTS="), "gpubox7"),
  "log of TensorBoard": named(of("events.out.tf", "events.1700000000."), "gpubox7", ".123.0"),
  "IPv4 of a log": named("worker-", of("10.", "1.2.3"), ".log"),
  uname: named(of("Lin", "ux "), "gpubox7", " 5.15.0-91-generic #1 SMP"),
};

export const known = {
  users: ["root", of("muster", "mann"), of("q", "z")],
  hosts: ["vm", of("titan", "-04.cs.", "uni-x.de")],
  homes: ["/root", of("/work/", "people/mm")],
};

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(zlib.crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
};

export const png = (type: string, data: Uint8Array, trailing = ""): Buffer =>
  Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0])),
    chunk(type, data),
    chunk("IDAT", zlib.deflateSync(Buffer.from([0, 7]))),
    chunk("IEND", Buffer.alloc(0)),
    Buffer.from(trailing),
  ]);

const jpeg = (marker: number, data: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([0xff, 0xd8, 0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255]),
    data,
    Buffer.from([0xff, 0xd9]),
  ]);

export const tar = (name: string, content: Uint8Array, owner = ""): Buffer => {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(content.length.toString(8).padStart(11, "0"), 124);
  header.write("ustar\0" + "00", 257);
  header.write(owner, 265);
  header.fill(32, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
};

export const zip = (name: string, content: Buffer, method: 0 | 8): Buffer => {
  const data = method === 8 ? zlib.deflateRawSync(content) : content;
  const header = Buffer.alloc(30);
  header.write("PK\u0003\u0004", 0, "latin1");
  header.writeUInt16LE(method, 8);
  header.writeUInt32LE(data.length, 18);
  header.writeUInt32LE(content.length, 22);
  header.writeUInt16LE(Buffer.byteLength(name), 26);
  return Buffer.concat([
    header,
    Buffer.from(name),
    data,
    Buffer.from("PK\u0005\u0006" + "\0".repeat(18), "latin1"),
  ]);
};

const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le");
const utf32 = (text: string): Buffer =>
  Buffer.concat(
    Array.from(text, (letter) => {
      const code = Buffer.alloc(4);
      code.writeUInt32LE(letter.codePointAt(0)!);
      return code;
    }),
  );
export const safetensors = (metadata: string, tensor: Buffer): Buffer => {
  const header = Buffer.from(
    `{"__metadata__": ${metadata}, "w": {"dtype": "U8", "shape": [${tensor.length}], "data_offsets": [0, ${tensor.length}]}}`,
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, tensor]);
};
const escapedAll = (text: string): string =>
  Array.from(text, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
const percent = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const some = Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 151 + 7) % 32)); // no text in them

/** A file that holds `text`, hidden in a format that the scan reads. */
export const containers: Readonly<Record<string, (text: string) => Buffer>> = {
  text: (text) => Buffer.from(`first line\nsecond: ${text}\n`),
  "the end of a file": (text) => Buffer.from(`x\n${text}`),
  JSON: (text) => Buffer.from(JSON.stringify({ note: `see:\n${text}\tthere` })),
  "JSON in JSON": (text) => Buffer.from(JSON.stringify({ note: JSON.stringify({ is: text }) })),
  "JSON, all escaped": (text) => Buffer.from(`{"note": "${escapedAll(text)}"}`),
  "JSON with escaped slashes": (text) =>
    Buffer.from(JSON.stringify(text).replaceAll("/", "\\/").replaceAll("@", "\\u0040")),
  "a key of YAML": (text) =>
    Buffer.from(`runs:\n  ? |\n    ${text.replaceAll("\n", "\n    ")}\n  : 1\n`),
  "percent-encoded": (text) => Buffer.from(`https://host.invalid/?q=${percent(text)}&x=1`),
  HTML: (text) =>
    Buffer.from(`<p>${Array.from(text, (letter) => `&#${letter.charCodeAt(0)};`).join("")}</p>`),
  "colours of a log": (text) =>
    Buffer.from(
      `[\u001b[32minfo\u001b[0m] \u001b[1m${text.slice(0, 6)}\u001b[0;31m${text.slice(6)}\u001b[0m\n`,
    ),
  "zero-width characters": (text) => Buffer.from(`note ${[...text].join("\u200b")} end`),
  "UTF-16, little-endian": (text) => utf16(`\ufeffnote ${text} end`),
  "UTF-16 without a mark": (text) => utf16(`note ${text} end`),
  "UTF-16, big-endian": (text) => utf16(`\ufeffnote ${text} end`).swap16(),
  base64: (text) => Buffer.from(`data: ${base64(`note ${text} end`)}\n`),
  "base64 in lines": (text) =>
    Buffer.from(base64(`a note that is a little longer ${text} end`).replaceAll(/.{40}/g, "$&\n")),
  "base64 of UTF-16": (text) => Buffer.from(`-enc ${utf16(`note ${text} end`).toString("base64")}`),
  hexadecimal: (text) => Buffer.from(`bytes ${Buffer.from(`note ${text} end`).toString("hex")}`),
  gzip: (text) => zlib.gzipSync(`note ${text} end`),
  "gzip in gzip": (text) => zlib.gzipSync(zlib.gzipSync(`note ${text} end`)),
  "gzip, second member": (text) =>
    Buffer.concat([zlib.gzipSync("nothing"), zlib.gzipSync(`note ${text} end`)]),
  "gzip in base64": (text) =>
    Buffer.from(`{"data": "${zlib.gzipSync(`note ${text} end`).toString("base64")}"}`),
  "PNG tEXt": (text) => png("tEXt", Buffer.from(`Comment\0${text}`)),
  "PNG zTXt": (text) =>
    png("zTXt", Buffer.concat([Buffer.from("Comment\0\0"), zlib.deflateSync(text)])),
  "PNG iTXt": (text) => png("iTXt", Buffer.from(`Comment\0\0\0en\0\0${text}`)),
  "PNG iTXt, packed": (text) =>
    png("iTXt", Buffer.concat([Buffer.from("Comment\0\u0001\0en\0\0"), zlib.deflateSync(text)])),
  "PNG eXIf": (text) => png("eXIf", Buffer.from(`MM\0*\0\0\0\b\0\0${text}\0`)),
  "behind a PNG": (text) => png("tEXt", Buffer.from("Comment\0none"), text),
  "PNG in base64": (text) =>
    Buffer.from(
      `<img src="data:image/png;base64,${png("zTXt", Buffer.concat([Buffer.from("Comment\0\0"), zlib.deflateSync(text), some, some, some])).toString("base64")}"/>`,
    ),
  "among other bytes": (text) => Buffer.concat([some, Buffer.from(` ${text} `), some]),
  zstd: (text) => zlib.zstdCompressSync(Buffer.from(`note ${text} end`)),
  "Latin-1": (text) => Buffer.from(`caf\u00e9 ${text} \u00fcber\n`, "latin1"),
  "UTF-32": (text) => utf32(`\ufeffnote ${text} end`),
  "UTF-32 without a mark": (text) => utf32(`note ${text} end`),
  "behind gzip": (text) =>
    Buffer.concat([zlib.gzipSync("nothing"), Buffer.from(`note ${text} end`)]),
  "the header of safetensors": (text) => safetensors(JSON.stringify({ note: text }), some),
};

/** A file that holds `text` in a format that the scan refuses. */
export const closedContainers: Readonly<Record<string, (text: string) => Buffer>> = {
  tar: (text) => tar("note.txt", Buffer.from(`note ${text} end`)),
  "tar.gz": (text) => zlib.gzipSync(tar("note.txt", Buffer.from(`note ${text} end`))),
  "gzip in tar": (text) => tar("note.gz", zlib.gzipSync(`note ${text} end`)),
  "zip, stored": (text) => zip("note.txt", Buffer.from(`note ${text} end`), 0),
  "zip, deflated": (text) => zip("note.txt", Buffer.from(`note ${text} end`), 8),
  "gzip in zip": (text) => zip("note.gz", zlib.gzipSync(`note ${text} end`), 0),
  "gzip behind other bytes": (text) => Buffer.concat([some, zlib.gzipSync(`note ${text} end`)]),
  "zlib behind zlib": (text) =>
    Buffer.concat([zlib.deflateSync("nothing"), zlib.deflateSync(`note ${text} end`)]),
  "zlib in base64": (text) =>
    Buffer.from(`{"data": "${zlib.deflateSync(`note ${text} end`).toString("base64")}"}`),
  "GIF comment in blocks": (text) => {
    const blocks = Array.from(
      Buffer.from(text)
        .toString("latin1")
        .match(/[^]{1,9}/g)!,
      (block) => Buffer.concat([Buffer.from([block.length]), Buffer.from(block, "latin1")]),
    );
    return Buffer.concat([
      Buffer.from("GIF89a\u0001\0!\u00fe", "latin1"),
      ...blocks,
      Buffer.from("\0;"),
    ]);
  },
  "PNG chunk of nobody's, packed": (text) => png("prVt", zlib.deflateSync(text)),
  "packed behind a PNG": (text) => Buffer.concat([png("tEXt", some), zlib.deflateSync(text)]),
  "PNG in other bytes": (text) =>
    Buffer.concat([
      some,
      png("zTXt", Buffer.concat([Buffer.from("Comment\0\0"), zlib.deflateSync(text)])),
      some,
    ]),
  "JPEG comment": (text) => jpeg(0xfe, Buffer.from(text)),
  zlib: (text) => zlib.deflateSync(`note ${text} end`),
  PDF: (text) => Buffer.from(`%PDF-1.7\n${base64(text)}`),
  "safetensors with bytes behind the tensors": (text) =>
    Buffer.concat([safetensors("{}", some), zlib.deflateSync(text)]),
};
