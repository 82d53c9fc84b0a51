// The reference: contents, anchors, and links with a target.

import { expect, test } from "./fixtures";

test("every link within the page has a target", async ({ docs, page }) => {
  await docs.open();
  const broken = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLAnchorElement>('a[href^="#"]')]
      .map((link) => decodeURIComponent(link.hash.slice(1)))
      .filter((id) => document.getElementById(id) === null),
  );
  expect(broken).toEqual([]);
});

test("no two elements share an id", async ({ docs, page }) => {
  await docs.open();
  const repeated = await page.evaluate(() => {
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    return ids.filter((id, index) => ids.indexOf(id) !== index);
  });
  expect(repeated).toEqual([]);
});

test("the contents lead to a frame, beside the text if there is room", async ({ docs, page }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await docs.open("#protocol");
  const contents = page.getByRole("navigation", { name: "On this page" });
  await contents.getByRole("link", { name: "message", exact: true }).click();
  await expect(page).toHaveURL(/#frame-message$/);
  await expect(page.locator("#frame-message")).toBeInViewport();
  const [beside, text] = await Promise.all([contents.boundingBox(), page.locator("#frame-message").boundingBox()]);
  expect(beside!.x + beside!.width).toBeLessThanOrEqual(text!.x);
  await expect(contents).toBeInViewport();
});

test("each frame shows its fields beside a valid example", async ({ docs, page }) => {
  await docs.open("#frames");
  const frames = page.locator("article.spec");
  await expect(frames).toHaveCount(13);
  for (const frame of await frames.all()) {
    const kind = await frame.getByRole("heading").innerText();
    expect(JSON.parse(await frame.locator("pre").innerText())).toMatchObject({ type: kind });
  }
  const publish = page.locator("#frame-publish");
  await expect(publish.getByText("messageId", { exact: true })).toBeVisible();
  await expect(publish.getByRole("term").filter({ hasText: "payload" })).not.toHaveAttribute("data-optional");
  const subscribe = page.locator("#frame-subscribe");
  await expect(subscribe.getByRole("term").filter({ hasText: "lastSeq" })).toHaveAttribute("data-optional");
});
