// A connection that breaks: the page reconnects by itself, resumes, and proves that nothing is missing.

import type { Page } from "@playwright/test";
import { Docs } from "./docs";
import { expect, test } from "./fixtures";
import { GatewayClient } from "./gateway-client";
import { WeakNetwork } from "./weak-network";

// The page drops a dead connection only after the time limit of a ping.
test.describe.configure({ timeout: 60_000 });

const MISSED = 500;

const check = (page: Page, name: string) => page.getByRole("region", { name: "Checks" }).getByRole("listitem").filter({ hasText: name });

async function publish(baseURL: string, topic: string, from: number, count: number) {
  const client = await GatewayClient.open(baseURL);
  await client.publishAll(
    topic,
    Array.from({ length: count }, (_, index) => from + index),
  );
  client.close();
}

/** The messages in the log, as they were received: read by the page's own export. */
async function messages(docs: Docs, topic: string): Promise<Array<{ seqNo: number; data: unknown }>> {
  await docs.page.getByRole("button", { name: "Copy the log as JSON lines" }).click();
  const lines = (await docs.page.evaluate(() => navigator.clipboard.readText())).trim().split("\n");
  return lines
    .map((line) => JSON.parse(line) as { kind: string; frame?: string })
    .filter(({ kind }) => kind === "message")
    .map(({ frame }) => JSON.parse(frame!) as { topic: string; seqNo: number; data: unknown })
    .filter((message) => message.topic === topic);
}

function inOrder(count: number): Array<{ seqNo: number; data: number }> {
  return Array.from({ length: count }, (_, index) => ({ seqNo: index + 1, data: index }));
}

async function expectNothingMissing(docs: Docs, topic: string, count: number, replayed: number) {
  await expect(check(docs.page, "Order")).toContainText(`${count} in order`);
  await expect(check(docs.page, "Gaps")).toContainText(/0$/);
  await expect(check(docs.page, "Duplicates")).toHaveAttribute("data-result", "holds");
  await expect(check(docs.page, "Resume")).toContainText(`resumed ✓ ${replayed} replayed`);
  const arrived = await messages(docs, topic);
  expect(arrived.map(({ seqNo, data }) => ({ seqNo, data }))).toEqual(inOrder(count));
}

test.describe("through a network that fails", () => {
  let network: WeakNetwork;

  test.beforeEach(async ({ baseURL, watch, context, docs, topic }) => {
    network = await WeakNetwork.before(baseURL!);
    watch.allowHost(network.address);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await docs.open();
    await docs.url.fill(`ws://${network.address}/ws`);
    await docs.setUp(topic);
    await publish(baseURL!, topic, 0, 3);
    await expect(docs.rows("message", "in")).toHaveCount(3);
  });

  test.afterEach(async () => network.close());

  test("a tab that was offline for 500 messages misses none, in order, none twice", async ({ docs, context, baseURL, topic, watch }) => {
    watch.expectComplaint(/WebSocket connection to .* failed: .*net::ERR_INTERNET_DISCONNECTED/);
    await context.setOffline(true);
    network.swallow();
    await publish(baseURL!, topic, 3, MISSED);
    // The page notices by a ping that is not answered.
    await expect(docs.status()).toContainText(/^reconnecting in \d+ s|^connecting/, { timeout: 20_000 });
    await expect(docs.rows("wait").filter({ hasText: "attempt 2" })).toHaveCount(1, { timeout: 20_000 });
    await expect(docs.rows("message", "in")).toHaveCount(3);
    network.heal();
    await context.setOffline(false);
    await expect(docs.status()).toContainText(/^connected/, { timeout: 40_000 });
    await expectNothingMissing(docs, topic, 3 + MISSED, MISSED);
    await publish(baseURL!, topic, 3 + MISSED, 1);
    await expect(check(docs.page, "Order")).toContainText(`${4 + MISSED} in order`);
  });

  test("a connection that is cut is resumed at once", async ({ docs, baseURL, topic }) => {
    network.cut();
    await expect(docs.rows("close")).toContainText("1006");
    await expect(docs.rows("wait")).toContainText(`attempt 1 · resume from ${topic} 3`);
    await expect(docs.rows("ready", "in")).toHaveCount(2);
    await publish(baseURL!, topic, 3, 2);
    await expectNothingMissing(docs, topic, 5, 0);
  });

  test("if reconnecting is switched off, the page says what to do and leaves it to the user", async ({ docs, page, baseURL, topic }) => {
    await page.getByRole("checkbox", { name: "Reconnect by itself" }).uncheck();
    network.cut();
    await expect(docs.status()).toContainText("closed, 1006");
    await publish(baseURL!, topic, 3, 2);
    await page.getByRole("button", { name: "Fill in setup to resume" }).click();
    await expect(docs.field("topics")).toBeVisible();
    await docs.page.getByRole("button", { name: "Connect and send setup" }).click();
    await expectNothingMissing(docs, topic, 5, 2);
    await page.reload();
    await expect(page.getByRole("checkbox", { name: "Reconnect by itself" })).not.toBeChecked();
  });
});

test("a dropped connection is resumed, with what was published meanwhile", async ({ docs, page, context, baseURL, topic }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await docs.open();
  await docs.setUp(topic);
  await page.getByRole("button", { name: "Drop connection" }).click();
  await publish(baseURL!, topic, 0, 5);
  await expect(docs.rows("ready", "in")).toHaveCount(2);
  await expect(check(page, "Order")).toContainText("5 in order");
  await expect(check(page, "Resume")).toContainText("resumed ✓");
  expect((await messages(docs, topic)).map(({ seqNo }) => seqNo)).toEqual([1, 2, 3, 4, 5]);
});

test("a wait can be stopped", async ({ docs, page, topic, watch, baseURL }) => {
  const network = await WeakNetwork.before(baseURL!);
  watch.expectComplaint(/WebSocket connection to .* failed/);
  await docs.open();
  await docs.url.fill(`ws://${network.address}/ws`);
  await docs.setUp(topic);
  await network.close();
  await expect(docs.rows("wait").filter({ hasText: "attempt 2" })).toHaveCount(1);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(docs.status()).toContainText(/closed, 1006|not connected/);
  const rows = await docs.rows("wait").count();
  await docs.page.getByRole("button", { name: "Clear the log" }).click();
  expect(rows).toBeGreaterThanOrEqual(2);
  await expect(docs.rows("wait")).toHaveCount(0);
});

test("a session that was resumed elsewhere is not taken back", async ({ docs, page, context, topic }) => {
  await docs.open();
  await docs.setUp(topic);
  const session = await docs.rows("ready", "in").innerText();
  expect(session).toContain("session");
  await docs.rows("ready", "in").click();
  const ready = JSON.parse(await page.getByRole("region", { name: "Frame as JSON" }).innerText()) as { sessionId: string };
  const other = new Docs(await context.newPage());
  await other.open();
  await other.connect();
  await other.page.getByRole("group", { name: "Write as" }).getByRole("button", { name: "JSON" }).click();
  const setup = { type: "setup", token: "demo-user", sessionId: ready.sessionId };
  await other.page.getByRole("textbox", { name: "Message as JSON" }).fill(JSON.stringify(setup));
  await other.send("setup");
  await expect(other.rows("ready", "in")).toHaveCount(1);
  await expect(docs.status()).toContainText("closed, 4409");
  await expect(docs.rows("wait")).toHaveCount(0);
});
