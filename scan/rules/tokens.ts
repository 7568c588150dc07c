/**
 * Credentials by their form: one table. `secretlint` with its recommended preset does not serve instead: it found 10 of the 98 secrets
 * that `test/scan/planting.ts` plants, and it knows no people and no machines.
 */
import type { Form } from "./Form.ts";
import { looksRandom } from "./randomness.ts";

/**
 * Columns stand apart by two spaces or more: the kind; the marks, one of which stands in each token; the pattern, in which `…` stands for
 * the marks; an example, written as `Form.example`. `~` means that the mark also ends or begins common words: the token begins a word and
 * looks random.
 */
const table = String.raw`
Hugging Face token  hf_ api_org_ hf_oauth_  …[A-Za-z0-9]{20,400}  hf_{w34}
GitHub token  ghp_ gho_ ghu_ ghs_ ghr_  …[A-Za-z0-9]{20,400}  ghp_{w36}
GitHub token  github_pat_  …\w{20,400}  github_pat_{w22}_{w59}
GitLab token  glpat- gloas- gldt- glrt- glcbt- glptt- glft- glimt- glagent- glsoat- glffct-  …[\w.-]{16,400}  glpat-{w20}
AWS access key  AKIA ASIA ABIA ACCA AGPA AIDA AROA ANPA  …[A-Z0-9]{16}  AKIA{u16}
Google API key  AIza  …[\w-]{30,400}  AIza{w35}
Google OAuth token  ya29.  …[\w.-]{20,400}  ya29.{w60}
Google OAuth secret  GOCSPX-  …[\w-]{20,400}  GOCSPX-{w28}
Slack token  xoxa- xoxb- xoxp- xoxr- xoxs- xoxo- xoxe- xoxc- xoxd- xoxe. xapp-  …[\w.%-]{10,400}  xoxb-{w40}
Slack address  hooks.slack.com/services/ hooks.slack.com/workflows/  …[A-Za-z0-9/]{20,400}  hooks.slack.com/services/{u9}/{u9}/{w24}
Discord address  discord.com/api/webhooks/ discordapp.com/api/webhooks/  …[\w/-]{20,400}  discord.com/api/webhooks/{w60}
Anthropic key  sk-ant-  …[\w-]{10,400}  sk-ant-api03-{w80}
OpenAI key  sk-proj- sk-svcacct- sk-admin- sk-or-v1-  …[\w-]{10,400}  sk-proj-{w48}
~ API key  sk-  …[\w-]{20,400}  sk-{w48}
Stripe key  sk_live_ sk_test_ rk_live_ rk_test_ whsec_  …[A-Za-z0-9]{16,400}  sk_live_{w24}
W&B key  wandb_v1_  …\w{20,400}  wandb_v1_{w40}
npm token  npm_  …[A-Za-z0-9]{30,400}  npm_{w36}
PyPI token  pypi-AgE  …[\w-]{20,400}  pypi-AgE{w60}
Docker token  dckr_pat_ dckr_oat_  …[\w-]{16,400}  dckr_pat_{w27}
DigitalOcean token  dop_v1_ doo_v1_ dor_v1_  …[A-Za-z0-9]{32,400}  dop_v1_{h64}
SendGrid key  SG.  …[\w.-]{40,400}  SG.{w22}.{w43}
Shopify token  shpat_ shpca_ shppa_ shpss_  …[A-Za-z0-9]{24,400}  shpat_{h32}
Linear key  lin_api_  …[A-Za-z0-9]{30,400}  lin_api_{w40}
Notion token  ntn_  …[A-Za-z0-9]{30,400}  ntn_{w46}
Replicate token  r8_  …[A-Za-z0-9]{30,400}  r8_{w37}
Groq key  gsk_  …[A-Za-z0-9]{30,400}  gsk_{w52}
xAI key  xai-  …[A-Za-z0-9]{40,400}  xai-{w80}
Perplexity key  pplx-  …[A-Za-z0-9]{30,400}  pplx-{w48}
NVIDIA key  nvapi-  …[\w-]{30,400}  nvapi-{w64}
Vault token  hvs. hvb. hvr.  …[\w-]{20,400}  hvs.{w90}
Databricks token  dapi  …[a-f0-9]{32}  dapi{h32}
Grafana token  glsa_ glc_  …[\w+/=]{30,400}  glsa_{w32}_{h8}
Supabase token  sbp_  …[A-Za-z0-9]{30,400}  sbp_{h40}
RubyGems key  rubygems_  …[A-Za-z0-9]{40,400}  rubygems_{h48}
Postman key  PMAK-  …[\w-]{30,400}  PMAK-{h24}-{h34}
Atlassian token  ATATT3 ATCTT3 ATBB  …[\w=-]{20,400}  ATATT3{w180}
Tailscale key  tskey-  …[\w-]{16,400}  tskey-auth-{w40}
Figma token  figd_  …[\w-]{30,400}  figd_{w40}
Telegram bot token  :AA  …[\w-]{32,400}  {h10}:AA{w33}
age key  AGE-SECRET-KEY-1  …[A-Z0-9]{40,400}  AGE-SECRET-KEY-1{u58}
signed address  X-Amz-Signature= X-Goog-Signature=  …[a-f0-9]{64,400}  X-Amz-Signature={h64}
Square token  sq0atp- sq0csp- sq0idp-  …[\w-]{20,400}  sq0atp-{w22}
~ Dropbox token  sl.  …[\w-]{120,400}  sl.{w135}
New Relic key  NRAK- NRJS- NRII- NRRA-  …[A-Za-z0-9]{19,400}  NRAK-{u27}
Netlify token  nfp_  …[A-Za-z0-9]{30,400}  nfp_{w36}
Sonar token  sqp_ sqa_ squ_  …[a-f0-9]{40}  sqp_{h40}
Snyk token  snyk_uat. snyk_sat.  …[\w.-]{40,400}  snyk_uat.{w80}
Doppler token  dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.  …[\w.-]{40,400}  dp.pt.{w43}
LangSmith key  lsv2_pt_ lsv2_sk_  …\w{32,400}  lsv2_pt_{h32}_{h10}
Pinecone key  pcsk_  …\w{40,400}  pcsk_{w60}
PlanetScale token  pscale_pw_ pscale_tkn_ pscale_oauth_  …[\w.=-]{30,400}  pscale_pw_{w43}
Terraform token  .atlasv1.  …[\w=-]{50,400}  {w14}.atlasv1.{w65}
Pulumi token  pul-  …[a-f0-9]{40}  pul-{h40}
RunPod key  rpa_  …[A-Z0-9]{30,400}  rpa_{u40}
~ ElevenLabs key  sk_  …[a-f0-9]{48}  sk_{h48}
Together key  tgp_v1_  …[\w-]{30,400}  tgp_v1_{w43}
~ Fireworks key  fw_  …[A-Za-z0-9]{22,400}  fw_{w24}
Facebook token  EAACEdEose0cBA  …[A-Za-z0-9]{20,400}  EAACEdEose0cBA{w80}
Vercel token  vcp_ vci_ vca_ vcr_ vck_  …[A-Za-z0-9]{24,400}  vcp_{w40}
Heroku key  HRKU-  …[\w-]{36,400}  HRKU-{w60}
~ Render key  rnd_  …[A-Za-z0-9]{28,400}  rnd_{w32}
Fly token  fm2_ fm1r_ fm1a_  …[\w+/=]{80,400}  fm2_{w120}
1Password token  ops_eyJ  …[\w-]{100,400}  ops_eyJ{w250}
Mapbox token  sk.eyJ  …[\w.-]{50,400}  sk.eyJ{w60}.{w22}
Sentry token  sntrys_ sntryu_  …[\w+/=]{40,400}  sntrys_{w60}
PayPal token  access_token$production$  …[A-Za-z0-9$]{40,400}  access_token$production${"$"}{h16}${"$"}{h32}
JFrog token  cmVmdGtu  …[A-Za-z0-9]{50,400}  cmVmdGtu{w56}
Cloudflare key  v1.0-  …[a-f0-9-]{150,400}  v1.0-{h24}-{h146}
Teams address  .webhook.office.com/webhookb2/  …[\w@/-]{60,400}  x.webhook.office.com/webhookb2/{w90}
private key  -----begin  (?i:-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----[^-\0]{0,12000})  -----BEGIN RSA {}PRIVATE KEY-----{w64}
private key  PuTTY-User-Key-File-  …\d: \S{1,40}  PuTTY-User-Key-File-{}3: ssh-rsa
private key  b3BlbnNzaC1rZXktdjE  …[A-Za-z0-9+/=]{10,400}  b3BlbnNzaC1rZXktdjE{w60}
private key  MII  (?<![A-Za-z0-9+/])…[A-Za-z0-9+/]{5}IBA[A-Za-z0-9+/]{20,4000}  MII{w5}IBA{w60}
private key  MC4CAQAw MHcCAQEE MIGHAgEAM  (?<![A-Za-z0-9+/])…[A-Za-z0-9+/]{20,200}  MC4CAQAw{w56}
~ private key  "d" "k"  …\s{0,4}:\s{0,4}"(?<value>[\w-]{40,1400})(?="(?:(?<="kty"[^{}\0]{1,1600})|[^{}\0]{1,1600}"kty"))  {"kty": "EC", "d": "{w43}"}
JSON Web Token  eyJ  (?<![\w-])…[\w-]{8,4000}\.[\w-]{4,8000}\.[\w-]{0,4000}  eyJ{w30}.{w30}.{w43}
Google service account  private_key_id  …["']?\s{0,4}[:=]\s{0,4}["']?(?<value>[a-f0-9]{16,64})  "private_key_id": "{h40}"
Azure secret  7Q~ 8Q~ 9Q~  (?<=(?<![\w~.-])(?<before>[\w~.-]{3}))…[\w~.-]{31,34}(?![\w~-])  {w3}8Q~{w34}
signed address  sig=  …(?<value>(?:[\w+/-]|%2[bBfF]){43}(?:=|%3[dD]|(?=&|\s|["'<\0]|$)))  sig={w43}%3D
GCP HMAC key  GOOG  (?<![\w+/])…[A-Z0-9]{20,58}(?![\w+/])  GOOG{u57}
EasyPost key  EZAK EZTK  (?<![\w+/])…[A-Za-z0-9]{54}(?![\w+/])  EZAK{w54}
JFrog token  AKCp  (?<![\w+/])…[A-Za-z0-9]{69}(?![\w+/])  AKCp{w69}
Mailgun key  key-  (?<![\w-])…[a-f0-9]{32}(?![\w-])  key-{h32}
Mailchimp key  -us  (?<=(?<![\w-])(?<before>[a-f0-9]{32}))…\d{1,2}(?!\w)  {h32}-us12
Twilio key  SK AC  (?<![A-Za-z0-9])…[a-f0-9]{32}(?![A-Za-z0-9])  SK{h32}
Airtable token  pat  (?<![A-Za-z0-9])…[A-Za-z0-9]{14}\.[a-f0-9]{64}(?![A-Za-z0-9])  pat{w14}.{h64}
Modal token  ak- as-  (?<![\w-])…(?=[A-Za-z]{0,21}\d)(?=[A-Z\d]{0,21}[a-z])(?=[a-z\d]{0,21}[A-Z])[A-Za-z0-9]{22}(?![\w-])  ak-{w22}
~ Discord token  .G .H .F .X .Y .C .D .E  (?<=(?<![\w.-])(?<before>[MNO][\w-]{22,27}))(?i:…)[\w-]{5}\.[\w-]{27,38}(?![\w-])  M{w23}.G{w5}.{w38}
hash of a password  $1$ $5$ $6$ $apr1$  …(?:rounds=\d{1,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22,86}  $6${"$"}{w16}${"$"}{w86}
hash of a password  $2$ $2a$ $2b$ $2x$ $2y$  …\d\d\$[./A-Za-z0-9]{53}  $2b$12${"$"}{w53}
hash of a password  $7$ $y$ $gy$  …[./A-Za-z0-9]{1,20}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}  $y$j9T${"$"}{w22}${"$"}{w43}
hash of a password  $argon2  …(?:id|i|d)\$v=\d{1,4}\$[a-z0-9=,]{5,60}\$[A-Za-z0-9+/]{8,90}\$[A-Za-z0-9+/]{16,90}  $argon2id$v=19$m=65536,t=3,p=4${"$"}{w22}${"$"}{w43}
hash of a password  {SHA} {SSHA} {SHA256} {SSHA256} {SHA512} {SSHA512}  …[A-Za-z0-9+/]{27,120}=  {SHA}{w27}=
`;

const escaped = (mark: string): string => mark.replaceAll(/[.$(){}]/g, String.raw`\$&`);

const formOf = (row: string): Form => {
  const [kind = "", marks = "", pattern = "", example = ""] = row.split(/ {2,}/);
  const isCommon = kind.startsWith("~ ");
  const words = marks.split(" ");
  const border = isCommon && pattern.startsWith("…") ? "(?<![A-Za-z0-9])" : "";
  return {
    kind: isCommon ? kind.slice(2) : kind,
    sort: "secret",
    anchors: words.map((mark) => mark.toLowerCase()),
    pattern: new RegExp(border + pattern.replace("…", `(?:${words.map(escaped).join("|")})`)),
    ...(isCommon ? { check: looksRandom } : {}),
    example,
  };
};

export const tokens: ReadonlyArray<Form> = table.trim().split("\n").map(formOf);
