// The documents that a gateway serves, against the linters that people feed them to: not one error, not one warning.
// DOCUMENTS_BINARY is the gateway. Nothing here needs a network.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

const here = import.meta.dirname;
const run = promisify(execFile);
const quiet = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", SCARF_ANALYTICS: "false", NO_COLOR: "1" };

/** What a linter prints; it fails if it finds anything. */
async function lint(program, ...args) {
  const script = join(here, "node_modules", ...program);
  await run(process.execPath, [script, ...args], { cwd: here, env: quiet }).catch(({ stdout, stderr, message }) => {
    assert.fail(`${stdout}\n${stderr}\n${message}`);
  });
}

const redocly = (...args) => lint(["@redocly", "cli", "bin", "cli.js"], ...args);
const spectral = (...args) => lint(["@stoplight", "spectral-cli", "dist", "index.js"], ...args);

/** A gateway with these settings, and the address that it prints. */
async function start(env) {
  const gateway = spawn(process.env.DOCUMENTS_BINARY, ["--listen", "127.0.0.1:0"], { env, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: gateway.stdout })) {
    const address = /^Micro Socket listens on (.*)$/.exec(line)?.[1];
    if (address !== undefined) return { gateway, address };
  }
  throw new Error("the gateway did not start");
}

const folder = await mkdtemp(join(tmpdir(), "documents-"));
const keys = join(folder, "keys");
await writeFile(keys, "a-key-of-a-backend\n");
const gateways = [
  // Every route.
  { MICRO_SOCKET_HTTP__API_KEYS_FILE: keys },
  // As few as possible.
  { MICRO_SOCKET_HTTP__DEMO: "false", MICRO_SOCKET_HTTP__DOCS: "false", MICRO_SOCKET_HTTP__ADMIN_LISTEN: "127.0.0.1:0" },
];
const files = { openapi: [], asyncapi: [] };

before(async () => {
  for (const [index, env] of gateways.entries()) {
    const { gateway, address } = await start(env);
    try {
      for (const [name, written] of Object.entries(files)) {
        const file = join(folder, `${index}-${name}.json`);
        written.push(file);
        await writeFile(file, await (await fetch(`${address}/${name}.json`)).text());
      }
    } finally {
      gateway.kill();
    }
  }
});
after(() => rm(folder, { recursive: true }));

describe("the documents of a gateway", { concurrency: true }, () => {
  test("OpenAPI: Redocly", () => redocly("lint", "--config", "redocly.yaml", ...files.openapi));
  test("OpenAPI and AsyncAPI: Spectral", () => spectral("lint", "--ruleset", "spectral.yaml", "--fail-severity", "warn", ...files.openapi, ...files.asyncapi));
});
