/** Entities of an RO-Crate: flat JSON-LD in which entities refer to one another by id. */
import type { Json } from "../../../schemas/Digest.ts";

export interface Reference {
  readonly "@id": string;
}

export interface Entity extends Reference {
  readonly "@type": string | ReadonlyArray<string>;
  readonly [property: string]: Json | Reference | ReadonlyArray<Reference>;
}

export const reference = (id: string): Reference => ({ "@id": id });

export const references = (ids: Iterable<string>): ReadonlyArray<Reference> =>
  [...ids].map(reference);

/** A name as part of an id. */
export const inId = (name: string): string => encodeURIComponent(name.toWellFormed());

/** A file of the payload; the two characters that would end a path are the two that `encodeURI` leaves. */
export const fileId = (path: string): string =>
  encodeURI(path.toWellFormed()).replaceAll("#", "%23").replaceAll("?", "%3F");

/** A licence's SPDX address or, where SPDX has none, the text in the bundle. */
export const licenseId = (identifier: string): string =>
  isOnlyHere(identifier)
    ? fileId(`LICENSES/${identifier}.txt`)
    : `https://spdx.org/licenses/${identifier}`;

/** The inverse of `licenseId`; undefined for other ids. */
export const licenseNamed = (id: string): string | undefined => {
  const named = /^(?:https:\/\/spdx\.org\/licenses|LICENSES)\/(?<name>[\w.+-]+)$/u.exec(id)
    ?.groups?.["name"];
  return [named, named?.slice(0, -".txt".length)].find(
    (identifier) => identifier !== undefined && licenseId(identifier) === id,
  );
};

export const isOnlyHere = (identifier: string): boolean => identifier.startsWith("LicenseRef-");

export const experimentId = "experiment.yaml";
export const engineId = "#pipe";
export const runId = "#run";
export const toolId = (stage: string): string => `#stage/${inId(stage)}`;
export const actionId = (node: string): string => `#action/${inId(node)}`;
