// Signed messages: the page checks them with the gateway's keys, and says where one does not fit.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "./fixtures";
import { GatewayClient } from "./gateway-client";

const binary = process.env.END2END_BINARY ?? fileURLToPath(new URL("../../target/debug/micro-socket", import.meta.url));

/** A gateway of its own that signs with a new key. */
class SigningGateway {
  private constructor(
    readonly address: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(): Promise<SigningGateway> {
    const folder = mkdtempSync(join(tmpdir(), "micro-socket-"));
    const key = join(folder, "key.pem");
    execFileSync(binary, ["keys", "generate", key]);
    const child = spawn(binary, ["--listen", "127.0.0.1:0"], {
      env: { ...process.env, MICRO_SOCKET_SIGNING__KEY_FILE: key },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout!, "data")) as [Buffer];
    const address = /http:\/\/(\S+)/.exec(line.toString())?.[1] ?? "";
    expect(address, "where the gateway listens").not.toBe("");
    return new SigningGateway(address, child, folder);
  }

  async stop() {
    this.process.kill("SIGINT");
    await once(this.process, "exit");
    rmSync(this.folder, { recursive: true });
  }
}

let gateway: SigningGateway;

test.beforeEach(async ({ watch }) => {
  gateway = await SigningGateway.start();
  watch.allowHost(gateway.address);
});

test.afterEach(async () => gateway.stop());

test("signatures by the gateway's key are verified", async ({ docs, page, topic }) => {
  await docs.open();
  await docs.url.fill(`ws://${gateway.address}/ws`);
  await docs.setUp(topic);
  const client = await GatewayClient.open(`http://${gateway.address}`);
  await client.publishAll(topic, ["ä", { price: 1.5, text: "two\nlines" }, null]);
  await expect(page.getByText("signatures ✓ 3 / ✗ 0")).toBeVisible();
  await docs.rows("message", "in").first().click();
  await expect(page.locator(".detail__facts")).toContainText("✓ verified");
  client.close();
});

test("signatures by another key are not", async ({ docs, page, topic }) => {
  const other = await SigningGateway.start();
  await page.route(`http://${gateway.address}/.well-known/micro-socket-keys`, async (route) => {
    const response = await route.fetch({ url: `http://${other.address}/.well-known/micro-socket-keys` });
    await route.fulfill({ response });
  });
  await docs.open();
  await docs.url.fill(`ws://${gateway.address}/ws`);
  await docs.setUp(topic);
  const client = await GatewayClient.open(`http://${gateway.address}`);
  await client.publishAll(topic, ["one", "two"]);
  await expect(page.getByText("signatures ✓ 0 / ✗ 2")).toBeVisible();
  await docs.rows("message", "in").first().click();
  await expect(page.locator(".detail__facts")).toContainText("✗ not verified: no key of the gateway has made it");
  client.close();
  await other.stop();
});

test("a gateway that does not sign is not spoken of", async ({ docs, page, topic, baseURL }) => {
  await docs.open();
  await docs.setUp(topic);
  const client = await GatewayClient.open(baseURL!);
  await client.publishAll(topic, ["one"]);
  await expect(docs.rows("message", "in")).toHaveCount(1);
  await expect(page.getByText(/signatures ✓/)).toHaveCount(0);
  client.close();
});
