// The HTTP endpoints: the listed ones exist, and Try it shows request and answer.

import { expect, test } from "./fixtures";

test("/stats shows request and answer", async ({ docs, page, baseURL }) => {
  await docs.open("#endpoints");
  const stats = docs.endpoint("/stats");
  await stats.locator("summary").click();
  await expect(stats.getByRole("region", { name: "Request" })).toContainText(`curl "${baseURL}/stats"`);
  await stats.getByRole("button", { name: "Try it" }).click();
  await expect(stats.getByText("200 OK", { exact: true })).toBeVisible();
  await expect(stats.getByText(/^application\/json, [\d.]+ ms$/)).toBeVisible();
  const answer = JSON.parse(await stats.getByRole("region", { name: "Answer" }).innerText());
  expect(answer).toMatchObject({
    connections: expect.any(Number),
    topics: expect.any(Number),
    subscriptions: expect.any(Number),
  });
  await expect(page.getByRole("status").filter({ hasText: /Answered 200 OK in/ })).toHaveCount(1);
});

test("a demo publish arrives in the log of a connected page", async ({ docs, page, topic }) => {
  await docs.open();
  await docs.setUp(`${topic} é/x`);
  const demo = docs.endpoint("/demo/publish/{topic}");
  await demo.getByRole("textbox", { name: "topic" }).fill(`${topic} é/x`);
  await demo.getByRole("button", { name: "Add a parameter" }).click();
  await expect(demo.getByRole("textbox", { name: "Name 3" })).toBeFocused();
  await page.keyboard.type("bid");
  await demo.getByRole("textbox", { name: "Value 3" }).fill("100 & more");
  const request = demo.getByRole("region", { name: "Request" });
  await expect(request).toContainText(`/demo/publish/${topic}%20%C3%A9%2Fx?bid=100&ask=101&bid=100%20%26%20more`);
  await demo.getByRole("button", { name: "Try it" }).click();
  await expect(demo.getByText("200 OK", { exact: true })).toBeVisible();
  const answer = JSON.parse(await demo.getByRole("region", { name: "Answer" }).innerText());
  expect(answer).toMatchObject({
    ok: true,
    topic: `${topic} é/x`,
    seqNo: 1,
    data: { bid: ["100", "100 & more"], ask: "101" },
    subscribers: 1,
  });
  await expect(docs.rows("message", "in", "100 & more")).toHaveCount(1);
});

test("parameters can be removed, and the focus is not lost with them", async ({ docs }) => {
  await docs.open("#endpoints");
  const demo = docs.endpoint("/demo/publish/{topic}");
  await demo.getByRole("button", { name: "Remove parameter 1" }).click();
  await expect(demo.getByRole("button", { name: "Add a parameter" })).toBeFocused();
  await expect(demo.getByRole("region", { name: "Request" })).toContainText("/demo/publish/prices?ask=101");
  await expect(demo.getByRole("textbox", { name: "Name 1" })).toHaveValue("ask");
});

test("a topic that the gateway refuses shows the problem and where it is explained", async ({ docs, page, watch }) => {
  watch.expectComplaint(/status 400: .*\/demo\/publish\/%24mine/);
  watch.expectComplaint(/error: Failed to load resource: the server responded with a status of 400/);
  await docs.open("#endpoints");
  const demo = docs.endpoint("/demo/publish/{topic}");
  await demo.getByRole("textbox", { name: "topic" }).fill("$mine");
  await demo.getByRole("button", { name: "Try it" }).click();
  await expect(demo.getByText("400 Bad Request", { exact: true })).toBeVisible();
  await expect(demo.getByText("INVALID_TOPIC", { exact: true })).toBeVisible();
  await demo.getByRole("link", { name: "What to do about it" }).click();
  await expect(page.locator("#error-INVALID_TOPIC")).toBeInViewport();
});

test("a topic that no URL can carry is refused at once", async ({ docs }) => {
  await docs.open("#endpoints");
  const demo = docs.endpoint("/demo/publish/{topic}");
  await demo.getByRole("textbox", { name: "topic" }).fill("..");
  await expect(demo.getByRole("textbox", { name: "topic" })).toHaveAccessibleDescription(/path steps/);
  await expect(demo.getByRole("button", { name: "Try it" })).toBeDisabled();
});

test("a gateway that cannot be reached is explained in words", async ({ docs, context, watch }) => {
  watch.expectComplaint(/failed: .*\/stats/);
  watch.expectComplaint(/error: Failed to load resource: net::ERR_INTERNET_DISCONNECTED/);
  await docs.open("#endpoints");
  const stats = docs.endpoint("/stats");
  await stats.locator("summary").click();
  await context.setOffline(true);
  await stats.getByRole("button", { name: "Try it" }).click();
  await expect(stats.locator(".callout").getByText(/did not answer/)).toBeVisible();
  await expect(stats.getByRole("button", { name: "Try it" })).toBeEnabled();
});

test("every GET that is listed answers", async ({ docs, page, request }) => {
  await docs.open("#endpoints");
  const rows = page.locator("details.endpoint > summary").filter({ has: page.locator('[data-method="GET"]') });
  const paths = await rows.locator(".endpoint__path").allInnerTexts();
  expect(paths.length).toBeGreaterThanOrEqual(8);
  for (const path of paths) {
    const answer = await request.get(path.replace("{topic}", "prices"));
    expect(answer.status(), path).toBe(200);
  }
});

test("/openapi renders Scalar without any other host", async ({ page }) => {
  await page.goto("/openapi");
  await expect(page.getByText("/demo/publish/{topic}").first()).toBeVisible();
  await expect(page.getByText("/stats").first()).toBeVisible();
});
