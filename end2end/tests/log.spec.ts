// The log: newest in view unless the reader has scrolled away, pause, clear, copy, and thousands of frames.

import { expect, test } from "./fixtures";
import { GatewayClient } from "./gateway-client";

const MANY = 2_000;
/** The most rows in the document, however long the log is: the visible ones, and some on either side. */
const RENDERED_AT_MOST = 120;

test.describe("with a client that publishes", () => {
  let client: GatewayClient;

  test.beforeEach(async ({ baseURL, docs, topic }) => {
    client = await GatewayClient.open(baseURL!);
    await docs.open();
    await docs.setUp(topic);
  });

  test.afterEach(() => client.close());

  test("the newest is in view, until the reader scrolls away", async ({ docs, page, topic }) => {
    await client.publishAll(topic, numbers(0, 100));
    await expect(docs.rows("message", "in", "number 99")).toBeInViewport();
    await docs.log.hover();
    await page.mouse.wheel(0, -2_000);
    await expect(docs.rows("message", "in", "number 99")).not.toBeInViewport();
    await client.publishAll(topic, numbers(100, 5));
    const follow = page.getByRole("button", { name: "5 new rows" });
    await expect(follow).toBeVisible();
    await expect(docs.rows("message", "in", "number 104")).not.toBeInViewport();
    await follow.click();
    await expect(docs.rows("message", "in", "number 104")).toBeInViewport();
    await client.publishAll(topic, numbers(105, 1));
    await expect(docs.rows("message", "in", "number 105")).toBeInViewport();
  });

  test("paused, nothing moves and nothing is lost", async ({ docs, page, topic }) => {
    const pause = page.getByRole("button", { name: "Pause" });
    await pause.click();
    await expect(pause).toHaveAttribute("aria-pressed", "true");
    await client.publishAll(topic, numbers(0, 3));
    await expect(page.getByText(/paused: 3 waiting/)).toBeVisible();
    await expect(docs.rows("message", "in")).toHaveCount(0);
    await pause.click();
    await expect(docs.rows("message", "in")).toHaveCount(3);
  });

  test("clear empties it", async ({ docs, page, topic }) => {
    await client.publishAll(topic, numbers(0, 3));
    await expect(docs.rows("message", "in")).toHaveCount(3);
    await page.getByRole("button", { name: "Clear the log" }).click();
    await expect(docs.log.locator(".row[data-dir]")).toHaveCount(0);
    await client.publishAll(topic, numbers(3, 1));
    await expect(docs.rows("message", "in", "number 3")).toHaveCount(1);
  });

  test("copy puts every frame on the clipboard, one per line", async ({ docs, page, context, topic }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await client.publishAll(topic, numbers(0, 3));
    await expect(docs.rows("message", "in")).toHaveCount(3);
    await page.getByRole("button", { name: "Copy the log as JSON lines" }).click();
    const copied = async () => {
      const text = await page.evaluate(() => navigator.clipboard.readText());
      return text.trim() === "" ? [] : text.trim().split("\n").map((line) => JSON.parse(line) as unknown);
    };
    await expect.poll(async () => JSON.stringify(await copied())).toContain("number 2");
    expect(JSON.stringify(await copied())).toContain("setup");
  });

  test("find, direction and kind filter", async ({ docs, page, topic }) => {
    await client.publishAll(topic, numbers(0, 12));
    await expect(docs.rows("message", "in")).toHaveCount(12);
    await page.getByRole("searchbox", { name: "Find in frames" }).fill("number 11");
    await expect(docs.log.locator(".row[data-dir]")).toHaveCount(1);
    await page.getByRole("searchbox", { name: "Find in frames" }).fill("");
    await page.getByRole("group", { name: "Direction" }).getByText("Out", { exact: true }).click();
    await expect(docs.rows("message", "in")).toHaveCount(0);
    await expect(docs.rows("setup", "out")).toHaveCount(1);
  });

  test("a click unfolds a frame, Enter folds it again", async ({ docs, page, topic }) => {
    await client.publishAll(topic, [{ deep: { deeper: [1, 2, 3] } }]);
    const row = docs.rows("message", "in");
    await row.click();
    await expect(row).toHaveAttribute("aria-expanded", "true");
    const frame = page.getByRole("region", { name: "Frame as JSON" });
    expect(JSON.parse(await frame.innerText())).toMatchObject({ type: "message", topic, data: { deep: { deeper: [1, 2, 3] } } });
    await row.press("Enter");
    await expect(row).toHaveAttribute("aria-expanded", "false");
    await expect(frame).toHaveCount(0);
  });

  test("thousands of frames are counted, few are rendered", async ({ docs, page, topic }) => {
    await client.publishAll(topic, numbers(0, MANY));
    await expect(docs.rows("message", "in", `number ${MANY - 1}`)).toBeInViewport();
    await expect.poll(async () => Number(await docs.log.getAttribute("aria-rowcount"))).toBeGreaterThanOrEqual(MANY);
    expect(await docs.log.locator(".row").count()).toBeLessThan(RENDERED_AT_MOST);
    await docs.log.hover();
    await page.mouse.wheel(0, -10_000_000);
    await expect(docs.rows("open")).toBeInViewport();
    expect(await docs.log.locator(".row").count()).toBeLessThan(RENDERED_AT_MOST);
  });
});

function numbers(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `number ${from + index}`);
}
