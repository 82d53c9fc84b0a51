// The files of deploy/, as data.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";

export const deploy = join(import.meta.dirname, "../../../deploy");

/** The objects of all files in deploy/kubernetes. A key that stands twice is an error. */
export function manifests() {
  const folder = join(deploy, "kubernetes");
  const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  return files.flatMap((name) => {
    const documents = parseAllDocuments(readFileSync(join(folder, name), "utf8"));
    return documents.map((document) => {
      if (document.errors.length > 0) throw new Error(`${name}: ${document.errors[0].message}`);
      return document.toJS();
    });
  });
}

/** A file in YAML. */
export const yaml = (...path) => parse(readFileSync(join(deploy, ...path), "utf8"));

/** `45s`, `500ms`, `2m`, and `2m0s` of docker compose, in seconds. */
export function seconds(duration) {
  const unit = { ms: 0.001, s: 1, m: 60, h: 3600 };
  const parts = [...duration.matchAll(/(\d+)(ms|s|m|h)/g)];
  if (parts.map(([part]) => part).join("") !== duration) throw new Error(`no duration: ${duration}`);
  return parts.reduce((sum, [, count, name]) => sum + count * unit[name], 0);
}
