// A gateway for one test, started from the same binary as the suite's, on a free port, with its own settings.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "@playwright/test";

export const binary = process.env.END2END_BINARY ?? fileURLToPath(new URL("../../target/debug/micro-socket", import.meta.url));

export class OwnGateway {
  private constructor(
    readonly address: string,
    private readonly process: ChildProcess,
  ) {}

  /** `settings` are environment variables without their prefix, for instance `SIGNING__KEY_FILE`. */
  static async start(settings: Record<string, string>): Promise<OwnGateway> {
    const environment = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`MICRO_SOCKET_${key}`, value]));
    const child = spawn(binary, ["--listen", "127.0.0.1:0"], { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(child.stdout!, "data")) as [Buffer];
    const address = /http:\/\/(\S+)/.exec(line.toString())?.[1] ?? "";
    expect(address, "where the gateway listens").not.toBe("");
    return new OwnGateway(address, child);
  }

  async stop() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGINT");
    await ended;
  }
}
