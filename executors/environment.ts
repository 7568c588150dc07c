/** A job's environment: few variables are inherited, so that results do not depend on a shell. */
import type { Job } from "./Executor.ts";

type OwnEnvironment = Readonly<Record<string, string | undefined>>;

/** The variables of `pipe`'s own environment that every job inherits, by reason. */
const inheritedVariables = {
  "finding programs and shared libraries": ["PATH", "LD_LIBRARY_PATH"],
  "places of own, temporary and cached files; PyTorch builds a path from the user's name": [
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "HF_HOME",
    "HF_HUB_CACHE",
  ],
  "GPUs that Slurm or a lease assigned to us": ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"],
  "a daemon of CUDA's Multi-Process Service that is not at its usual place": [
    "CUDA_MPS_PIPE_DIRECTORY",
    "CUDA_MPS_LOG_DIRECTORY",
  ],
  "how GPUs and nodes of this site reach each other, and whether multicast over NVLink is forbidden":
    [
      "NCCL_SOCKET_IFNAME",
      "NCCL_IB_HCA",
      "NCCL_IB_DISABLE",
      "NCCL_NET",
      "NCCL_P2P_DISABLE",
      "NCCL_NVLS_ENABLE",
      "NCCL_DEBUG",
      "GLOO_SOCKET_IFNAME",
      "TORCH_SYMM_MEM_DISABLE_MULTICAST",
      "NVSHMEM_DISABLE_NVLS",
    ],
  "network proxies": [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
  ],
  "trusted certificates": ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
} as const;

/** Numerical libraries take all cores without these: slower beside other jobs, and sums in another order. */
const threadCounts: ReadonlyArray<string> = [
  "OMP_NUM_THREADS",
  "MKL_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "NUMEXPR_NUM_THREADS",
  "RAYON_NUM_THREADS",
];

const inheritedNames: ReadonlyArray<string> = Object.values(inheritedVariables).flat();

let ownEnvironment: OwnEnvironment | undefined;

/** `pipe`'s own environment, read once: asking the system for each variable again costs more than the rest. */
const own = (): OwnEnvironment => (ownEnvironment ??= { ...process.env });

/**
 * Number of GPUs, or share of one, to lease for a job. None under Slurm: the job then uses the GPUs that the scheduler
 * assigned to us.
 */
export const gpusToLease = (job: Pick<Job, "gpus">, inherited = own()): number =>
  inherited["SLURM_JOB_ID"] === undefined ? job.gpus : 0;

/**
 * The whole environment of a job: inherited variables, then those of every job, then its own. A job without GPUs sees
 * none: it would take memory and time of another's. For a job with GPUs, CUDA_VISIBLE_DEVICES limits what it may lease
 * (`gpu_lease.py`). A job with a part of a GPU finds its share in PIPE_GPU_SHARE, since nothing else keeps it from taking all memory.
 */
export const jobEnvironment = (
  job: Pick<Job, "cpus" | "gpus" | "environment" | "secrets">,
  inherited = own(),
): Record<string, string> => {
  const environment: Record<string, string> = {
    // Fixed, since they change what programs write. LC_ALL would override a stage's own LANG.
    TZ: "UTC",
    LANG: "C.UTF-8",
    // A killed program's last lines are in its log, and a set of strings has the same order every time.
    PYTHONUNBUFFERED: "1",
    PYTHONHASHSEED: "0",
    // Byte code beside a stage's sources would change them.
    PYTHONDONTWRITEBYTECODE: "1",
    // Threads that spin while they wait keep processors from the others once there are more threads than processors: a
    // training step of two threads then took ten times as long.
    OMP_WAIT_POLICY: "PASSIVE",
  };
  for (const name of inheritedNames) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  for (const name of threadCounts) environment[name] = String(job.cpus);
  if (job.gpus === 0) environment["CUDA_VISIBLE_DEVICES"] = "";
  if (job.gpus > 0 && job.gpus < 1) environment["PIPE_GPU_SHARE"] = String(job.gpus);
  return { ...environment, ...job.environment, ...job.secrets };
};

/** The environment of a job that Slurm starts, without its secrets: Slurm gives whole GPUs, and says which. */
export const slurmJobEnvironment = (
  job: Pick<Job, "cpus" | "gpus" | "environment">,
  inherited = own(),
): Record<string, string> => {
  const whole = { ...job, gpus: Math.ceil(job.gpus), secrets: {} };
  const { CUDA_VISIBLE_DEVICES: _, ...environment } = jobEnvironment(whole, inherited);
  return environment;
};
