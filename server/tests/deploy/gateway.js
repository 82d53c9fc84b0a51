// What a gateway makes of its environment. DEPLOY_BINARY is the gateway.

import { execFileSync } from "node:child_process";
import { seconds } from "./files.js";

/** The effective configuration with these variables, by key (`timeouts.drain`). Fails if the gateway would not start with them. */
export function configuration(env) {
  const text = execFileSync(process.env.DEPLOY_BINARY, ["check"], { env, encoding: "utf8" });
  const values = {};
  let section = "";
  for (const line of text.split("\n")) {
    const heading = /^\[(.*)\]$/.exec(line)?.[1];
    if (heading !== undefined) section = `${heading}.`;
    const [, key, value] = /^(\w+) = (.*)$/.exec(line) ?? [];
    if (key !== undefined) values[section + key] = value.replace(/^"(.*)"$/, "$1");
  }
  return values;
}

/** How long a gateway may take from SIGTERM to its end, in seconds: docs/operating.md. */
export const stopping = (values) => seconds(values["timeouts.unready"]) + seconds(values["timeouts.drain"]) + 5;
