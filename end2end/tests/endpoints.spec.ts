// The list of endpoints is the OpenAPI document's, POST /publish can be tried with a key, and /stats can be read.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "./fixtures";
import { OwnGateway } from "./own-gateway";

const KEY = "a-key-of-the-end2end-tests-0123456789";

test.describe("with API keys", () => {
  let gateway: OwnGateway;
  let folder: string;

  test.beforeEach(async ({ watch }) => {
    folder = mkdtempSync(join(tmpdir(), "micro-socket-"));
    const file = join(folder, "keys");
    writeFileSync(file, `${KEY}\n`);
    gateway = await OwnGateway.start({ HTTP__API_KEYS_FILE: file });
    watch.allowHost(gateway.address);
  });

  test.afterEach(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });

  test("the page lists exactly what the OpenAPI document names", async ({ page, request }) => {
    const openapi = (await (await request.get(`http://${gateway.address}/openapi.json`)).json()) as { paths: Record<string, object> };
    const documented = Object.entries(openapi.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    await page.goto(`http://${gateway.address}/docs`);
    const rows = page.locator("details.endpoint > summary");
    const listed = await rows.evaluateAll((summaries) =>
      summaries.map((summary) => `${summary.querySelector(".method")!.textContent} ${summary.querySelector(".endpoint__path")!.textContent!.replace(/\s/g, "")}`),
    );
    const sockets = await page.getByRole("region", { name: "WebSocket addresses, table" }).getByRole("rowheader").allInnerTexts();
    // `/` only redirects to /docs, whose text says so.
    const shown = [...listed, ...sockets.map((path) => `GET ${path}`), "GET /"];
    expect(shown.sort()).toEqual(documented.sort());
  });

  test("POST /publish: with the key the message is stored, and the key is not stored", async ({ docs, page, topic }) => {
    await page.goto(`http://${gateway.address}/docs`);
    await expect(page.locator("html")).toHaveAttribute("data-hydrated", /.*/);
    await docs.setUp(topic);
    const publish = docs.endpoint("/publish");
    await publish.locator("summary").click();
    await expect(publish.getByRole("button", { name: "Try it" })).toBeDisabled();
    await publish.getByLabel("API key").fill(KEY);
    const body = publish.getByRole("textbox", { name: "Body" });
    await body.fill(JSON.stringify([{ topic, messageId: "m1", payload: { text: "it's" } }, { topic: "" }]));
    const curl = publish.getByRole("region", { name: "Request" });
    await expect(curl).toContainText("POST http://");
    await expect(curl).toContainText(`--json '[{"topic":"${topic}","messageId":"m1","payload":{"text":"it'\\''s"}}`);
    await expect(curl).not.toContainText(KEY);
    await publish.getByRole("button", { name: "Try it" }).click();
    await expect(publish.getByText("200 OK", { exact: true })).toBeVisible();
    const answer = JSON.parse(await publish.getByRole("region", { name: "Answer" }).innerText()) as { results: object[] };
    expect(answer.results).toMatchObject([{ messageId: "m1", status: "ok", topic, seqNo: 1 }, { code: "INVALID_TOPIC" }]);
    await expect(docs.rows("message", "in", "it's")).toHaveCount(1);
    await body.fill("{ oops");
    await expect(body).toHaveAttribute("aria-invalid", "true");
    await page.reload();
    await expect(page.locator("html")).toHaveAttribute("data-hydrated", /.*/);
    await expect(publish.getByLabel("API key")).toHaveValue("");
    const kept = await page.evaluate((key) => (JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + location.href).includes(key), KEY);
    expect(kept).toBe(false);
  });

  test("POST /publish: a wrong key is refused, and that is explained", async ({ docs, page, watch }) => {
    watch.expectComplaint(/status 401/);
    watch.expectComplaint(/Failed to load resource: the server responded with a status of 401/);
    await page.goto(`http://${gateway.address}/docs`);
    await expect(page.locator("html")).toHaveAttribute("data-hydrated", /.*/);
    const publish = docs.endpoint("/publish");
    await publish.locator("summary").click();
    await publish.getByLabel("API key").fill("wrong");
    await publish.getByRole("button", { name: "Try it" }).click();
    await expect(publish.getByText("401 Unauthorized", { exact: true })).toBeVisible();
    await expect(publish.getByText("AUTH_FAILED", { exact: true })).toBeVisible();
  });
});

test("/stats shows the service level as a table", async ({ docs, request }) => {
  await docs.open("#endpoints");
  await docs.setUp("prices");
  await request.get("/demo/publish/prices?bid=1");
  await expect(docs.rows("message", "in").first()).toBeVisible();
  const stats = docs.endpoint("/stats");
  await stats.locator("summary").click();
  await stats.getByRole("button", { name: "Try it" }).click();
  const level = stats.getByRole("region", { name: "Service level, table" });
  const minute = level.getByRole("row").filter({ hasText: "Last minute" });
  await expect(minute).toContainText(/(\d+(\.\d+)? m?s.*){4}/);
  await expect(minute).toContainText(/met|missed/);
  await expect(level.getByRole("row").filter({ hasText: "Last hour" })).toHaveCount(1);
  await expect(stats.getByText(/99 of 100 deliveries are to take at most 50 ms/)).toBeVisible();
});
