/** What pip is doing, in words and as a fraction, from the lines it prints. */

/** Of the time an installation takes, the part that finding and downloading are given. */
const FETCHING = 0.8;

export interface Progress {
  readonly message: string;
  /** From 0 to 1. */
  readonly fraction: number;
}

/** `torch-2.9.0-cp311-cp311-linux_x86_64.whl` is torch 2.9.0. */
const fileLabel = (path: string): string => {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const [name = file, version] = file.replace(/\.(whl|tar\.gz|zip)$/u, "").split("-");
  return version === undefined ? name : `${name} ${version}`;
};

export class PipProgress {
  readonly #expected: number;
  readonly #met = new Set<string>();

  /** `expected` is how many packages there are to install. */
  constructor(expected: number) {
    this.#expected = expected;
  }

  /** What a line of pip's output says, if it says anything to a person who waits. */
  read(line: string): Progress | undefined {
    const [, verb, what = "", size] =
      /^\s*(Collecting|Requirement already satisfied:|Downloading|Using cached|Processing|Building wheel for|Installing collected packages:) ?(\S+)?.*?(?:\((\S+ \S?B)\))?$/u.exec(
        line,
      ) ?? [];
    switch (verb) {
      case "Collecting":
      case "Requirement already satisfied:":
        this.#met.add(what.replace(/[=<>!~[;].*$/u, ""));
        return this.#fetching(`looking for ${what.replace("==", " ")}`);
      case "Downloading":
        return this.#fetching(
          `downloading ${fileLabel(what)}${size === undefined ? "" : ` (${size})`}`,
        );
      case "Using cached":
      case "Processing":
        return this.#fetching(`have ${fileLabel(what)}`);
      case "Building wheel for":
        return this.#fetching(`building ${what}`);
      case "Installing collected packages:":
        return { message: `installing ${line.split(",").length} packages`, fraction: FETCHING };
    }
    return undefined;
  }

  #fetching(message: string): Progress {
    return {
      message,
      fraction: FETCHING * Math.min(1, this.#met.size / Math.max(1, this.#expected)),
    };
  }
}
