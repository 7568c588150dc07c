/** pip's progress, in words and as a fraction, from the lines it prints. */

/** The share of an installation's time that finding and downloading take. */
const fetchingShare = 0.8;

export interface Progress {
  readonly message: string;
  /** From 0 to 1. */
  readonly fraction: number;
}

/** `torch 2.9.0` for `torch-2.9.0-cp311-cp311-linux_x86_64.whl`. */
const fileLabel = (path: string): string => {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const [name = file, version] = file.replace(/\.(whl|tar\.gz|zip)$/u, "").split("-");
  return version === undefined ? name : `${name} ${version}`;
};

export class PipProgress {
  private readonly expected: number;
  private readonly met = new Set<string>();

  /** `expected` is the number of packages to install. */
  constructor(expected: number) {
    this.expected = expected;
  }

  /** The progress that a line of pip's output shows; undefined for other lines. */
  read(line: string): Progress | undefined {
    const [, verb, what = "", size] =
      /^\s*(Collecting|Requirement already satisfied:|Downloading|Using cached|Processing|Building wheel for|Installing collected packages:) ?(\S+)?.*?(?:\((\S+ \S?B)\))?$/u.exec(
        line,
      ) ?? [];
    switch (verb) {
      case "Collecting":
      case "Requirement already satisfied:":
        this.met.add(what.replace(/[=<>!~[;].*$/u, ""));
        return this.fetching(`looking for ${what.replace("==", " ")}`);
      case "Downloading":
        return this.fetching(
          `downloading ${fileLabel(what)}${size === undefined ? "" : ` (${size})`}`,
        );
      case "Using cached":
      case "Processing":
        return this.fetching(`found ${fileLabel(what)}`);
      case "Building wheel for":
        return this.fetching(`building ${what}`);
      case "Installing collected packages:":
        return {
          message: `installing ${line.split(",").length} packages`,
          fraction: fetchingShare,
        };
    }
    return undefined;
  }

  private fetching(message: string): Progress {
    return {
      message,
      fraction: fetchingShare * Math.min(1, this.met.size / Math.max(1, this.expected)),
    };
  }
}
