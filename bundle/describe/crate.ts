/**
 * `ro-crate-metadata.json`, which describes the payload to other programs: an RO-Crate 1.2 in the profile Provenance Run Crate 0.5. The
 * experiment is a workflow, its stages are steps, the stages' programs are tools, and each node is an action with input artifacts and one
 * result. It holds no times and no machines (`record/` does), so the same run gives the same bytes everywhere.
 */
import { crateActions } from "./crate/actions.ts";
import {
  engineId,
  type Entity,
  experimentId,
  fileId,
  isOnlyHere,
  licenseId,
  reference,
  references,
} from "./crate/Entity.ts";
import { crateFiles } from "./crate/files.ts";
import type { BundleRun, Entry, Pointer } from "../format/format.ts";
import { licensesIn } from "./terms.ts";

export interface CrateContents {
  readonly run: BundleRun;
  /** Everything below `data/` except the crate's own file. */
  readonly entries: ReadonlyArray<Entry>;
  readonly pointers: ReadonlyArray<Pointer>;
  /** The licence of the whole; files under another licence name it. */
  readonly license: string;
  /** ISO 8601. */
  readonly datePublished: string;
}

/** The newest pair that a checker knows; the workflow's terms moved to other addresses with RO-Crate 1.3. */
const specification = "https://w3id.org/ro/crate/1.2";

const profiles = [
  ["https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"],
  ["https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"],
  ["https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"],
  ["https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"],
] as const;

const languageId = "#pipe-experiment";

/** `ro-crate-metadata.json` */
export const roCrate = (contents: CrateContents) => {
  const { run, entries, pointers } = contents;
  const files = crateFiles(run, entries, pointers);
  const present = new Set(entries.map(({ path }) => path));
  const inSource = (file: string) =>
    present.has(`data/source/${file}`) ? fileId(`source/${file}`) : experimentId;
  const actions = crateActions(run, {
    artifactId: files.artifactId,
    sourceOf: (stage) => inSource(moduleOf(stage)),
  });
  const workflow: Partial<Entity> = {
    "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
    name: run.experiment,
    programmingLanguage: reference(languageId),
    step: references(actions.steps),
    hasPart: references(actions.tools),
  };
  const entities: ReadonlyArray<Entity> = [
    ...files.entities.map((entity) =>
      entity["@id"] === experimentId ? ({ ...entity, ...workflow } as Entity) : entity,
    ),
    ...actions.entities,
    ...softwareEntities(run, inSource),
    ...profiles.map(([id, name, version]): Entity => ({
      "@id": id,
      "@type": ["CreativeWork", "Profile"],
      name,
      version,
    })),
    ...licenseEntities([contents.license, ...entries.map(({ license }) => license)]),
  ];
  return {
    "@context": `${specification}/context`,
    "@graph": [
      {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        about: reference("./"),
        conformsTo: reference(specification),
      },
      {
        "@id": "./",
        "@type": "Dataset",
        name: run.experiment,
        description: run.description ?? run.experiment,
        datePublished: contents.datePublished,
        license: references(licensesIn(contents.license).map(licenseId)),
        conformsTo: references(profiles.map(([id]) => id)),
        mainEntity: reference(experimentId),
        hasPart: references(files.parts.toSorted()),
        mentions: references(actions.actions),
      },
      ...entities.toSorted((one, other) => (one["@id"] < other["@id"] ? -1 : 1)),
    ] satisfies ReadonlyArray<Entity>,
  };
};

/** Pipe and the language of its experiments. */
const softwareEntities = (
  { pipe }: BundleRun,
  inSource: (file: string) => string,
): ReadonlyArray<Entity> => {
  const software = { version: pipe.version, url: reference(inSource("README.md")) };
  return [
    {
      "@id": engineId,
      "@type": "SoftwareApplication",
      name: "pipe",
      ...software,
      ...(pipe.commit === undefined ? {} : { identifier: pipe.commit }),
    },
    {
      "@id": languageId,
      "@type": "ComputerLanguage",
      name: "Experiments of pipe, in YAML",
      ...software,
      url: reference(inSource("schemas/experiment.schema.json")),
    },
  ];
};

/** A stage named `x-y` is declared in `stages/XY.ts`. */
const moduleOf = (stage: string): string =>
  `stages/${stage.replaceAll(/(?:^|-)(\w)/gu, (_, first: string) => first.toUpperCase())}.ts`;

const licenseEntities = (expressions: ReadonlyArray<string>): ReadonlyArray<Entity> =>
  [...new Set(expressions.flatMap(licensesIn))]
    .filter((identifier) => !isOnlyHere(identifier))
    .map((identifier) => ({
      "@id": licenseId(identifier),
      "@type": "CreativeWork",
      name: identifier,
      description: `LICENSES/${identifier}.txt has the text of the licence.`,
      identifier,
    }));
