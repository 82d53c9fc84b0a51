// Signed messages: the page verifies them with the gateway's keys, and marks those that are not valid.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "./fixtures";
import { GatewayClient } from "./gateway-client";
import { OwnGateway, binary } from "./own-gateway";

/** A gateway of its own that signs with a new key. */
class SigningGateway {
  private constructor(
    private readonly gateway: OwnGateway,
    private readonly folder: string,
  ) {}

  static async start(): Promise<SigningGateway> {
    const folder = mkdtempSync(join(tmpdir(), "micro-socket-"));
    const key = join(folder, "key.pem");
    execFileSync(binary, ["keys", "generate", key]);
    return new SigningGateway(await OwnGateway.start({ SIGNING__KEY_FILE: key }), folder);
  }

  get address(): string {
    return this.gateway.address;
  }

  async stop() {
    await this.gateway.stop();
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
  await expect(page.locator(".detail__facts")).toContainText("✗ not verified: not signed by a key of the gateway");
  client.close();
  await other.stop();
});

test("without a signing gateway the log does not mention signatures", async ({ docs, page, topic, baseURL }) => {
  await docs.open();
  await docs.setUp(topic);
  const client = await GatewayClient.open(baseURL!);
  await client.publishAll(topic, ["one"]);
  await expect(docs.rows("message", "in")).toHaveCount(1);
  await expect(page.getByText(/signatures ✓/)).toHaveCount(0);
  client.close();
});
