/** What a job finds in its environment: a short list of inherited variables, so that results do not hang on a shell. */
import type { Job } from "./Executor.ts";

type OwnEnvironment = Readonly<Record<string, string | undefined>>;

/** The variables of `pipe`'s own environment that every job inherits, and why; all others stay outside. */
const INHERITED = {
  "finding programs and shared libraries": ["PATH", "LD_LIBRARY_PATH"],
  "where own, temporary and cached files go; PyTorch builds a path from the user's name": [
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "HF_HOME",
    "HF_HUB_CACHE",
  ],
  "how text is encoded and times are shown": ["LANG", "LC_ALL", "LC_CTYPE", "TZ"],
  "which GPUs somebody (Slurm, a lease) has given us": [
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
  ],
  "the way out of the network": [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
  ],
  "whom to trust there": ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
} as const;

/** Thread pools of numerical libraries, which otherwise take all cores: slower side by side, and sums in another order. */
const THREAD_COUNTS: ReadonlyArray<string> = [
  "OMP_NUM_THREADS",
  "MKL_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "NUMEXPR_NUM_THREADS",
  "RAYON_NUM_THREADS",
];

let ownEnvironment: OwnEnvironment | undefined;

/** `pipe`'s own, which stays as it is: asking the system for each variable again would cost more than the rest. */
const own = (): OwnEnvironment => (ownEnvironment ??= { ...process.env });

/**
 * How many GPUs, or what share of one, to lease for a job. Under Slurm none: what the scheduler assigned to us stands,
 * and is the job's.
 */
export const gpusToLease = (job: Pick<Job, "gpus">, inherited = own()): number =>
  inherited["SLURM_JOB_ID"] === undefined ? job.gpus : 0;

/**
 * The whole environment of a job: inherited, then what every job needs, then what this one asks for. One that asks for
 * no GPU sees none: it would take memory and time of whoever has it. For one that does, the GPUs named here are those
 * it may be leased (`gpu_lease.py`).
 */
export const jobEnvironment = (
  job: Pick<Job, "cpus" | "gpus" | "environment">,
  inherited = own(),
): Record<string, string> => {
  const environment: Record<string, string> = {
    // a killed program's last lines are in its log, and a set of strings has the same order every time
    PYTHONUNBUFFERED: "1",
    PYTHONHASHSEED: "0",
    // Threads that wait for one another by spinning take the processors from those they wait for, once there are more than there
    // are processors: a training step of two threads then took ten times as long.
    OMP_WAIT_POLICY: "PASSIVE",
  };
  for (const name of Object.values(INHERITED).flat()) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  for (const name of THREAD_COUNTS) environment[name] = String(job.cpus);
  if (job.gpus === 0) environment["CUDA_VISIBLE_DEVICES"] = "";
  return { ...environment, ...job.environment };
};
