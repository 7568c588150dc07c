/** Credentials that are known by their form. */
import { looksDrawn } from "./entropy.ts";
import { privateKeys } from "./privateKeys.ts";
import { backOver, goesOnBefore, matchAt, type Hit, type Rule } from "./Rule.ts";

interface Form {
  readonly kind: string;
  readonly prefixes: ReadonlyArray<string>;
  /** What follows the prefix: a character class, and how many of it. */
  readonly letters: string;
  readonly least: number;
  /** A prefix that ends many words, as `sk-` ends `disk-`: no letter may stand before it, and what follows must look drawn. */
  readonly common?: true;
}

const word = "A-Za-z0-9";
const dashed = String.raw`A-Za-z0-9_\-`;

const form = (kind: string, prefixes: string, letters: string, least: number): Form => ({
  kind,
  prefixes: prefixes.split(" "),
  letters,
  least,
});
const common = (kind: string, prefixes: string, letters: string, least: number): Form => ({
  ...form(kind, prefixes, letters, least),
  common: true,
});

const forms: ReadonlyArray<Form> = [
  form("Hugging Face token", "hf_ api_org_ hf_oauth_", word, 20),
  form("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", word, 20),
  form("GitHub token", "github_pat_", `${word}_`, 20),
  form(
    "GitLab token",
    "glpat- gloas- gldt- glrt- glcbt- glptt- glft- glimt- glagent- glsoat- glffct-",
    `${dashed}.`,
    16,
  ),
  form("AWS access key", "AKIA ASIA ABIA ACCA AGPA AIDA AROA ANPA", "A-Z0-9", 16),
  form("Google API key", "AIza", dashed, 30),
  form("Google OAuth token", "ya29.", `${dashed}.`, 20),
  form("Google OAuth secret", "GOCSPX-", dashed, 20),
  form(
    "Slack token",
    "xoxa- xoxb- xoxp- xoxr- xoxs- xoxo- xoxe- xoxc- xoxd- xoxe. xapp-",
    `${dashed}.%`,
    10,
  ),
  form("Slack address", "hooks.slack.com/services/ hooks.slack.com/workflows/", `${word}/`, 20),
  form(
    "Discord address",
    "discord.com/api/webhooks/ discordapp.com/api/webhooks/",
    `${dashed}/`,
    20,
  ),
  form("Anthropic key", "sk-ant-", dashed, 10),
  form("OpenAI key", "sk-proj- sk-svcacct- sk-admin- sk-or-v1-", dashed, 10),
  common("API key", "sk-", dashed, 20),
  form("Stripe key", "sk_live_ sk_test_ rk_live_ rk_test_ whsec_", word, 16),
  form("W&B key", "wandb_v1_", `${word}_`, 20),
  form("npm token", "npm_", word, 30),
  form("PyPI token", "pypi-AgE", dashed, 20),
  common("PyPI token", "pypi-", dashed, 40),
  form("Docker token", "dckr_pat_ dckr_oat_", dashed, 16),
  form("DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", word, 32),
  form("SendGrid key", "SG.", `${dashed}.`, 40),
  form("Shopify token", "shpat_ shpca_ shppa_ shpss_", word, 24),
  form("Linear key", "lin_api_", word, 30),
  form("Notion token", "ntn_", word, 30),
  form("Replicate token", "r8_", word, 30),
  form("Groq key", "gsk_", word, 30),
  form("xAI key", "xai-", word, 40),
  form("Perplexity key", "pplx-", word, 30),
  form("NVIDIA key", "nvapi-", dashed, 30),
  form("Vault token", "hvs. hvb. hvr.", dashed, 20),
  form("Databricks token", "dapi", "a-f0-9", 32),
  form("Grafana token", "glsa_ glc_", `${word}_+/=`, 30),
  form("Supabase token", "sbp_", word, 30),
  form("RubyGems key", "rubygems_", word, 40),
  form("Postman key", "PMAK-", dashed, 30),
  form("Atlassian token", "ATATT3 ATCTT3 ATBB", `${dashed}=`, 20),
  form("Tailscale key", "tskey-", dashed, 16),
  form("Figma token", "figd_", dashed, 30),
  form("Telegram bot token", ":AA", dashed, 32),
  form("age key", "AGE-SECRET-KEY-1", word, 40),
  form("signed address", "X-Amz-Signature= X-Goog-Signature=", "a-f0-9", 64),
  form("Square token", "sq0atp- sq0csp- sq0idp-", dashed, 20),
  common("Dropbox token", "sl.", dashed, 120),
  form("New Relic key", "NRAK- NRJS- NRII- NRRA-", word, 19),
  form("Netlify token", "nfp_", word, 30),
  form("Sonar token", "sqp_ sqa_ squ_", "a-f0-9", 40),
  form("Snyk token", "snyk_uat. snyk_sat.", `${dashed}.`, 40),
  form("Doppler token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", `${dashed}.`, 40),
  form("LangSmith key", "lsv2_pt_ lsv2_sk_", `${word}_`, 32),
  form("Pinecone key", "pcsk_", `${word}_`, 40),
  form("PlanetScale token", "pscale_pw_ pscale_tkn_ pscale_oauth_", `${dashed}.=`, 30),
  form("Terraform token", ".atlasv1.", `${dashed}=`, 50),
  form("Pulumi token", "pul-", "a-f0-9", 40),
  form("RunPod key", "rpa_", "A-Z0-9", 30),
  common("ElevenLabs key", "sk_", "a-f0-9", 48),
  form("Together key", "tgp_v1_", dashed, 30),
  common("Fireworks key", "fw_", word, 22),
  form("Facebook token", "EAACEdEose0cBA", word, 20),
  form("Vercel token", "vcp_ vci_ vca_ vcr_ vck_", word, 24),
  form("Heroku key", "HRKU-", dashed, 36),
  common("Render key", "rnd_", word, 28),
  form("Fly token", "fm2_ fm1r_ fm1a_", `${word}+/=_`, 80),
  form("1Password token", "ops_eyJ", dashed, 100),
  form("Mapbox token", "sk.eyJ", `${dashed}.`, 50),
  form("Sentry token", "sntrys_ sntryu_", `${word}+/=_`, 40),
  form("PayPal token", "access_token$production$", `${word}$`, 40),
  form("JFrog token", "cmVmdGtu", word, 50),
  form("Cloudflare key", "v1.0-", String.raw`a-f0-9\-`, 150),
  form("Teams address", ".webhook.office.com/webhookb2/", `${dashed}@/`, 60),
  form("private key", "b3BlbnNzaC1rZXktdjE", `${word}+/=`, 10),
];

const longest = 400;

/** Where a token is broken at the end of a line, it goes on in the next. */
const lineBreak = String.raw`\\?\r?\n[ \t]{0,16}`;

const ruleOf = ({ kind, prefixes, letters, least, common }: Form): Rule => {
  const body = new RegExp(`[${letters}]{1,${longest}}`, "y");
  const broken = new RegExp(
    `[${letters}]{1,${longest}}(?:${lineBreak}[${letters}]{1,100}){1,4}`,
    "y",
  );
  const exact = new Map(prefixes.map((prefix) => [prefix.toLowerCase(), prefix]));
  const anchors = [...exact.keys()];
  return {
    anchors,
    find: (text, at) => {
      if (common && goesOnBefore(text, at)) return undefined;
      const prefix = anchors
        .filter((anchor) => text.substr(at, anchor.length).toLowerCase() === anchor)
        .at(-1)!;
      const start = at + prefix.length;
      const isExact = text.startsWith(exact.get(prefix)!, at);
      if (!isExact && goesOnBefore(text, at)) return undefined; // in a digest
      const hit = (end: number): Hit => ({
        kind,
        sort: "secret",
        start: at,
        end,
        open: exact.get(prefix)!,
      });
      // In another case than theirs they are no tokens, unless somebody changed it.
      const whole =
        (isExact ? matchAt(body, text, start) : matchAt(caseless(body), text, start))?.[0] ?? "";
      const sure = isExact && !common;
      if (whole.length >= least && (sure || looksDrawn(whole))) return hit(start + whole.length);
      const pieces = matchAt(broken, text, start)?.[0];
      if (pieces === undefined || whole.length < 4) return undefined;
      const joined = pieces.replaceAll(/[\\\s]/g, "");
      return joined.length >= least && looksDrawn(joined) ? hit(start + pieces.length) : undefined;
    },
  };
};

const caselessly = new Map<RegExp, RegExp>();
const caseless = (pattern: RegExp): RegExp => {
  const made = caselessly.get(pattern) ?? new RegExp(pattern.source, "iy");
  caselessly.set(pattern, made);
  return made;
};

const jwt: Rule = {
  anchors: ["eyj"],
  find: (text, at) => {
    if (goesOnBefore(text, at)) return undefined;
    const token = matchAt(
      /eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{4,8000}\.[A-Za-z0-9_-]{0,4000}/y,
      text,
      at,
    );
    return token === null
      ? undefined
      : {
          kind: "JSON Web Token",
          sort: "secret",
          start: at,
          end: at + token[0].length,
          open: "eyJ",
        };
  },
};

/** The file that Google hands out for a service account: its key may be cut off, and yet it names the account. */
const serviceAccount: Rule = {
  anchors: ["service_account", "private_key_id"],
  find: (text, at) => {
    const before = text.slice(Math.max(0, at - 40), at);
    const isType = /["']?type["']?\s{0,4}[:=]\s{0,4}["']?$/i.test(before);
    const id = matchAt(/private_key_id["']?\s{0,4}[:=]\s{0,4}["']?([a-f0-9]{16,64})/iy, text, at);
    if (!isType && id === null) return undefined;
    const end = at + (id?.[0].length ?? "service_account".length);
    return { kind: "Google service account", sort: "secret", start: at, end, open: "" };
  },
};

/** Forms whose mark stands inside, or that have a length by which alone they are told from words. */
const shaped = (
  kind: string,
  open: string,
  anchors: string,
  back: number,
  pattern: RegExp,
): Rule => ({
  anchors: anchors.split(" "),
  find: (text, at) => {
    for (let start = at; start >= Math.max(0, at - back); start -= 1) {
      const token = matchAt(pattern, text, start);
      if (token !== null && start + token[0].length > at)
        return { kind, sort: "secret", start, end: start + token[0].length, open };
    }
    return undefined;
  },
});

const shapes: ReadonlyArray<Rule> = [
  shaped(
    "Azure secret",
    "",
    "7q~ 8q~ 9q~",
    3,
    /(?<![\w~.-])[\w~.-]{3}[789]Q~[\w~.-]{31,34}(?![\w~-])/y,
  ),
  shaped(
    "signed address",
    "sig=",
    "sig=",
    0,
    /sig=(?:[A-Za-z0-9+/_-]|%2[bf]){43}(?:=|%3d|(?=&|\s|["'<\0]|$))/iy,
  ),
  // Base64 of large files has any four letters: length and borders tell these.
  shaped("GCP HMAC key", "GOOG", "goog", 0, /(?<![\w+/])GOOG[A-Z0-9]{20,58}(?![\w+/])/y),
  shaped("EasyPost key", "EZ", "ezak eztk", 0, /(?<![\w+/])EZ[AT]K[A-Za-z0-9]{54}(?![\w+/])/y),
  shaped("JFrog token", "AKCp", "akcp", 0, /(?<![\w+/])AKCp[A-Za-z0-9]{69}(?![\w+/])/y),
  shaped("Mailgun key", "key-", "key-", 0, /(?<![\w-])key-[a-f0-9]{32}(?![\w-])/y),
  shaped("Mailchimp key", "", "-us", 32, /(?<![\w-])[a-f0-9]{32}-us\d{1,2}(?!\w)/y),
  shaped("Twilio key", "SK", "sk ac", 0, /(?<![A-Za-z0-9])(?:SK|AC)[a-f0-9]{32}(?![A-Za-z0-9])/y),
  shaped(
    "Airtable token",
    "pat",
    "pat",
    0,
    /(?<![A-Za-z0-9])pat[A-Za-z0-9]{14}\.[a-f0-9]{64}(?![A-Za-z0-9])/y,
  ),
  shaped(
    "Modal token",
    "a•-",
    "ak- as-",
    0,
    /(?<![\w-])a[ks]-(?=[A-Za-z]*\d)(?=[A-Z\d]*[a-z])(?=[a-z\d]*[A-Z])[A-Za-z0-9]{22}(?![\w-])/y,
  ),
];

/** Who, when and a check, with dots between: the time of any year since 2015 begins with one of few letters. */
const discordBot: Rule = {
  anchors: [".g", ".h", ".f", ".x", ".y", ".c", ".d", ".e"],
  find: (text, at) => {
    if (text[at + 7] !== ".") return undefined;
    const start = backOver(/[\w-]/, text, at, 29);
    const token = matchAt(
      /(?<![\w.-])[MNO][\w-]{22,27}\.[\w-]{6}\.([\w-]{27,38})(?![\w-])/y,
      text,
      start,
    );
    return token === null || !looksDrawn(token[1]!)
      ? undefined
      : {
          kind: "Discord token",
          sort: "secret",
          start,
          end: start + token[0].length,
          open: "",
        };
  },
};

const hashForms = [
  String.raw`\$(?:1|5|6|apr1)\$(?:rounds=\d{1,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22,86}`,
  String.raw`\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}`,
  String.raw`\$(?:7|y|gy)\$[./A-Za-z0-9]{1,20}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}`,
  String.raw`\$argon2(?:id|i|d)\$v=\d+\$[a-z0-9=,]{5,60}\$[A-Za-z0-9+/]{8,90}\$[A-Za-z0-9+/]{16,90}`,
  String.raw`\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{27,120}=`,
];
const hashForm = new RegExp(hashForms.join("|"), "y");

/** As in /etc/shadow and .htpasswd: from a hash a short password is found in minutes. */
const passwordHash: Rule = {
  anchors: "$1$ $5$ $6$ $apr1$ $2$ $2a$ $2b$ $2x$ $2y$ $7$ $y$ $gy$ $argon2 {sha {ssha".split(" "),
  find: (text, at) => {
    const hash = matchAt(hashForm, text, at);
    return hash === null
      ? undefined
      : {
          kind: "hash of a password",
          sort: "secret",
          start: at,
          end: at + hash[0].length,
          open: "",
        };
  },
};

export const tokens: ReadonlyArray<Rule> = [
  ...forms.map(ruleOf),
  ...privateKeys,
  jwt,
  serviceAccount,
  passwordHash,
  ...shapes,
  discordBot,
];
