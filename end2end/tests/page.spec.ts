// The page as a whole: readable without scripts, without layout shifts while it hydrates, in its theme, on a narrow screen.

import { expect, test } from "./fixtures";

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("reference and endpoints can be read, and a form still sends", async ({ page, watch }) => {
    // The browser does not even load scripts that it may not run.
    watch.expectComplaint(/failed: .*micro-socket\.js csp/);
    await page.goto("/docs");
    await expect(page.getByRole("heading", { name: "Protocol", exact: true })).toBeVisible();
    for (const kind of ["setup", "subscribe", "unsubscribe", "publish", "ping", "ready", "message", "error", "pong"]) {
      await expect(page.getByRole("heading", { name: kind, exact: true })).toBeVisible();
    }
    await expect(page.locator("#error-INVALID_JSON")).toContainText("not JSON");
    await expect(page.locator("#close-4290")).toContainText("back off");
    await expect(page.locator("#endpoint-stats")).toContainText("/stats");
    await page.locator("#endpoint-demo-publish").getByRole("button", { name: "Try it" }).click();
    await expect(page).toHaveURL(/\/demo\/publish\/prices\?bid=100&ask=101$/);
    await expect(page.getByText('"ok":true')).toBeVisible();
  });
});

test("an injected script does not run", async ({ docs, page, watch }) => {
  watch.expectComplaint(/Content Security Policy/);
  await docs.open();
  const ran = await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "document.documentElement.dataset.slipped = ''";
    const image = document.createElement("img");
    image.setAttribute("onerror", "document.documentElement.dataset.slipped = ''");
    const failed = new Promise((done) => image.addEventListener("error", done));
    document.body.append(script, image);
    image.src = "data:,";
    await failed;
    return document.documentElement.dataset.slipped !== undefined;
  });
  expect(ran).toBe(false);
  // The playground can still connect anywhere.
  await docs.setUp("prices");
});

test("hydration moves nothing", async ({ docs, page }) => {
  await page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value);
    }).observe({ type: "layout-shift", buffered: true });
  });
  await docs.open();
  const total = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts.reduce((sum, value) => sum + value, 0));
  expect(total).toBeLessThan(0.02);
});

test("the theme follows the system until it is chosen, and is remembered", async ({ docs, page }) => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  await docs.open();
  const light = await background();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.getByRole("button", { name: "Theme: system" }).click();
  await expect(page.getByRole("button", { name: "Theme: light" })).toBeVisible();
  expect(await background()).toBe(light);
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  expect(await background()).toBe(light);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", /.*/);
  await page.getByRole("button", { name: "Theme: light" }).click();
  await expect(page.getByRole("button", { name: "Theme: dark" })).toBeVisible();
  expect(await background()).toBe(dark);
});

for (const width of [360, 768, 1024, 1280, 1920]) {
  test(`at ${width} px the page does not scroll sideways`, async ({ docs, page }) => {
    await page.setViewportSize({ width, height: 800 });
    await docs.open();
    await docs.unfoldEndpoints();
    const { wide, room } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      room: document.documentElement.clientWidth,
    }));
    expect(wide).toBeLessThanOrEqual(room);
  });
}

test("the server's HTML contains the whole reference", async ({ request }) => {
  const html = await (await request.get("/docs")).text();
  for (const anchor of ["playground", "endpoints", "protocol", "frame-publish", "frame-ack-in", "error-INVALID_JSON", "close-4290", "invariants"]) {
    expect(html.includes(`id="${anchor}"`), anchor).toBe(true);
  }
});
