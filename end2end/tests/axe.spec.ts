// axe finds nothing: light and dark, wide and narrow, empty, with frames, with a frame unfolded, with answers and errors shown.

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures";

// axe reads the whole page each time, which takes seconds.
test.describe.configure({ timeout: 120_000 });

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1280, 360]) {
    test.describe(`${colorScheme}, ${width} px`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 }, contextOptions: { reducedMotion: "reduce" } });

      test("as it comes", async ({ docs, page }) => {
        await docs.open();
        await check(page);
      });

      test("with everything open and answered", async ({ docs, page, watch }) => {
        watch.expectComplaint(/status 400/);
        watch.expectComplaint(/Failed to load resource: the server responded with a status of 400/);
        await docs.open("#endpoints");
        await docs.unfoldEndpoints();
        await docs.endpoint("/stats").getByRole("button", { name: "Try it" }).click();
        const demo = docs.endpoint("/demo/publish/{topic}");
        await demo.getByRole("textbox", { name: "topic" }).fill("$mine");
        await demo.getByRole("button", { name: "Try it" }).click();
        await expect(demo.getByText("INVALID_TOPIC", { exact: true })).toBeVisible();
        await expect(docs.endpoint("/stats").getByText("200 OK", { exact: true })).toBeVisible();
        await check(page);
      });

      test("with frames, an error, and one unfolded", async ({ docs, page, topic }) => {
        await docs.open();
        await docs.connect();
        await docs.choose("ping");
        await docs.send("ping");
        await docs.choose("setup");
        await docs.setTopics([topic]);
        await docs.send("setup");
        await docs.publish(topic, '{"bid":100}');
        await docs.show("Log");
        await expect(docs.rows("message", "in")).toHaveCount(1);
        await check(page);
        await docs.rows("error", "in").click();
        await check(page);
        await docs.rows("message", "in").click();
        await check(page);
      });

      test("with a payload that is wrong", async ({ docs, page }) => {
        await docs.open();
        await docs.choose("publish");
        await docs.field("payload").fill("{ oops");
        await expect(docs.field("payload")).toHaveAttribute("aria-invalid", "true");
        await check(page);
      });
    });
  }
}

async function check(page: Page) {
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  const found = violations.map(({ id, nodes }) => ({ id, where: nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary ?? ""}`) }));
  expect(found).toEqual([]);
}
