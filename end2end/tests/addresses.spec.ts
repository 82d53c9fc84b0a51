// The three ways to choose an address, and the page's explanation if the host does not answer.

import { createServer, type AddressInfo } from "node:net";

import { expect, test } from "./fixtures";

test("one topic: /ws/sub/prices answers a setup with subscribed, then ready", async ({ docs }) => {
  await docs.open();
  await docs.page.getByRole("radiogroup", { name: "Endpoint" }).getByText("One topic").click();
  await expect(docs.url).toHaveValue(/\/ws\/sub\/prices$/);
  await docs.connect();
  await docs.choose("setup");
  await docs.setTopics([]);
  await docs.send("setup");
  const answers = docs.log.locator('.row[data-dir="in"]');
  await expect(answers.nth(0)).toHaveAttribute("data-kind", "subscribed");
  await expect(answers.nth(0)).toContainText("prices");
  await expect(answers.nth(1)).toHaveAttribute("data-kind", "ready");
});

test("a typed address: a topic with a slash in it", async ({ docs, topic, baseURL }) => {
  await docs.open();
  const url = `${baseURL!.replace(/^http/, "ws")}/ws/sub/${topic}%2Fdeep`;
  await docs.page.getByRole("radiogroup", { name: "Endpoint" }).getByText("Another address").click();
  await docs.url.fill(url);
  await docs.connect();
  await docs.choose("setup");
  await docs.setTopics([]);
  await docs.send("setup");
  await expect(docs.rows("subscribed", "in", `${topic}/deep`)).toHaveCount(1);
});

test("an invalid address is refused before a connection is tried", async ({ docs }) => {
  await docs.open();
  await docs.page.getByRole("radiogroup", { name: "Endpoint" }).getByText("Another address").click();
  await docs.url.fill("not an address");
  await docs.page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(docs.page.locator(".callout").getByText("This is not a WebSocket address")).toBeVisible();
});

test("a refused connection is explained", async ({ docs, watch }) => {
  const port = await closedPort();
  // The socket fails, and so does the request by which the page looks for the cause.
  watch.allowHost(`127.0.0.1:${port}`);
  watch.expectComplaint(new RegExp(`error: WebSocket connection to 'ws://127.0.0.1:${port}/ws' failed`));
  watch.expectComplaint(new RegExp(`failed: http://127.0.0.1:${port}/ws net::ERR_CONNECTION_REFUSED`));
  watch.expectComplaint(/error: Failed to load resource: net::ERR_CONNECTION_REFUSED/);
  await docs.open();
  await docs.page.getByRole("radiogroup", { name: "Endpoint" }).getByText("Another address").click();
  await docs.url.fill(`ws://127.0.0.1:${port}/ws`);
  await docs.page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(docs.status()).toContainText("could not connect");
  await expect(docs.page.getByText(`Nothing answers at 127.0.0.1:${port}`).first()).toBeVisible();
});

/** A closed port of this machine: one that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
