// The page loads, is readable without its code, and its code loads and runs.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "./fixtures";

test("the page is readable without JavaScript", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/docs");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await context.close();
});

test("the page hydrates", async ({ page }) => {
  const wasm = page.waitForResponse(/\.wasm$/);
  await page.goto("/docs", { waitUntil: "load" });
  expect((await wasm).status()).toBe(200);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
});

test("its style and fonts arrive", async ({ page }) => {
  await page.goto("/docs");
  const fonts = await page.evaluate(async () => {
    await document.fonts.ready;
    const faces = [...document.fonts];
    await Promise.all(faces.map((face) => face.load()));
    return faces.map((face) => face.status);
  });
  expect(fonts.length).toBeGreaterThan(0);
  expect(new Set(fonts)).toEqual(new Set(["loaded"]));
});

test("a first visit loads no fonts for characters that the page does not use", async ({ page }) => {
  const fonts: string[] = [];
  page.on("request", (request) => {
    const file = /[^/]*\.woff2$/.exec(request.url());
    if (file !== null) fonts.push(file[0]);
  });
  await page.goto("/docs");
  await expect(page.locator("html")).toHaveAttribute("data-hydrated");
  await page.evaluate(async () => document.fonts.ready);
  expect(new Set(fonts)).toEqual(new Set(["atkinson-next.woff2", "atkinson-mono.woff2"]));

  const more = page.waitForRequest(/atkinson-next-more\.woff2$/);
  await page.evaluate(() => document.querySelector("h2")?.append("é"));
  await more;
});

for (const [ending, type] of [
  [".js", "text/javascript; charset=utf-8"],
  [".wasm", "application/wasm"],
  [".css", "text/css; charset=utf-8"],
  [".woff2", "font/woff2"],
] as const) {
  test(`${ending} is cached for ever, compressed if that helps`, async ({ page, request }) => {
    const loaded = page.waitForResponse((response) => response.url().endsWith(ending));
    await page.goto("/docs");
    const url = (await loaded).url();

    const response = await request.get(url, { headers: { "accept-encoding": "gzip, br" } });
    expect(response.status()).toBe(200);
    const headers = response.headers();
    expect(headers["content-type"]).toBe(type);
    expect(headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(headers["vary"]).toBe("accept-encoding");
    expect(headers["content-encoding"]).toBe(ending === ".woff2" ? undefined : "br");

    const again = await request.get(url, { headers: { "accept-encoding": "gzip, br", "if-none-match": headers["etag"] ?? "" } });
    expect(again.status()).toBe(304);
  });
}

test("the document itself is not cached", async ({ request }) => {
  const response = await request.get("/docs");
  expect(response.headers()["cache-control"]).toBe("no-cache");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.goto("/docs");
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations).toEqual([]);
  });
}
