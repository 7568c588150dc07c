/** Jobs that want the same go to Slurm as one job array. Pure. */
import { Duration } from "effect";
import type { SlurmSite } from "../../schemas/Site.ts";
import type { Job } from "../Executor.ts";

export const defaults = {
  max_array_size: 1000,
  poll_seconds: 30,
  patience_seconds: 60,
  grace_seconds: 20,
} as const;

/** Groups of jobs with equal demands and secrets, none larger than a job array may be. */
export const batchesOf = <T extends { readonly job: Job }>(
  requests: ReadonlyArray<T>,
  { max_array_size: most = defaults.max_array_size }: SlurmSite,
): ReadonlyArray<ReadonlyArray<T>> => {
  const groups = Map.groupBy(requests, ({ job }) =>
    JSON.stringify([
      job.cpus,
      job.memory,
      Math.ceil(job.gpus),
      job.nodes ?? 1,
      minutesOf(job),
      job.secrets ?? {},
    ]),
  );
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / most) }, (_, n) =>
      group.slice(n * most, (n + 1) * most),
    ),
  );
};

/** Slurm looks at time limits about once a minute; the job itself keeps its own exactly. */
const minutesOf = ({ timeout }: Job): number | undefined =>
  timeout === undefined ? undefined : Math.ceil(Duration.toMinutes(timeout)) + 2;

const megabyte = 1 << 20;

/** The words of `sbatch` for a batch of jobs that want the same. A share of a GPU takes a whole one. */
export const sbatchWords = (
  name: string,
  jobs: ReadonlyArray<Job>,
  site: SlurmSite,
): ReadonlyArray<string> => {
  const [job] = jobs as readonly [Job, ...Array<Job>];
  const time = minutesOf(job) ?? site.time;
  const limit = site.max_running === undefined ? "" : `%${site.max_running}`;
  return [
    "--parsable",
    `--job-name=${name}`,
    `--comment=pipe ${[...new Set(jobs.map(({ stage }) => stage))].join(",")}`,
    `--array=0-${jobs.length - 1}${limit}`,
    "--output=/dev/null",
    "--chdir=/",
    "--no-requeue",
    `--nodes=${job.nodes ?? 1}`,
    "--ntasks-per-node=1",
    `--cpus-per-task=${job.cpus}`,
    ...(job.memory > 0 ? [`--mem=${Math.ceil(job.memory / megabyte)}M`] : []),
    ...(job.gpus > 0 ? [`--gres=gpu:${Math.ceil(job.gpus)}`] : []),
    ...(time === undefined ? [] : [`--time=${time}`]),
    // the program itself is told a minute before, so that it can save
    ...(site.time !== undefined && time === site.time ? ["--signal=B:TERM@60"] : []),
    ...(["partition", "account", "qos", "constraint"] as const).flatMap((field) =>
      site[field] === undefined ? [] : [`--${field}=${site[field]}`],
    ),
    ...(site.flags ?? []),
  ];
};

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Tries, one a second, to enter the job's directory: NFS remembers for about half a minute that a directory was missing. */
const directoryTries = 30;

/** The script of a job array: task n works in the n-th directory. */
export const batchScript = (
  name: string,
  directories: ReadonlyArray<string>,
  python: string,
  runner: string,
): string =>
  [
    "#!/bin/sh",
    `set -- ${directories.map(quoted).join(" \\\n  ")}`,
    'shift "$SLURM_ARRAY_TASK_ID"',
    // a shared file system may show a new directory late: listing what it is in asks the server again
    "tries=0",
    'until cd "$1" 2> /dev/null; do',
    `  [ $tries -lt ${directoryTries} ] || exit 1`,
    '  tries=$((tries + 1)); ls "${1%/*/*}" "${1%/*}" > /dev/null 2>&1; sleep 1',
    "done",
    `exec ${[python, "-I", "-S", runner, name].map(quoted).join(" ")} "$1" >> slurm.log 2>&1`,
    "",
  ].join("\n");
