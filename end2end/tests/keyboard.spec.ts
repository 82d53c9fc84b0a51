// The page without a mouse.

import { expect, test } from "./fixtures";

test("from the address bar to an answer, by keyboard alone", async ({ docs, page, topic }) => {
  await docs.open();
  const skip = page.getByRole("link", { name: /^Skip to/ });
  await page.keyboard.press("Tab");
  await expect(skip).toBeFocused();

  await tabTo("Connect");
  await page.keyboard.press("Enter");
  await expect(docs.status()).toContainText(/^connected/);

  await docs.field("token").focus();
  await page.keyboard.press("Control+Enter");
  await expect(docs.rows("ready", "in")).toHaveCount(1);

  await page.getByRole("radio", { name: "setup", exact: true }).focus();
  for (const _ of ["subscribe", "unsubscribe", "publish"]) await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("radio", { name: "publish", exact: true })).toBeChecked();
  await docs.field("topic").fill(topic);
  await page.keyboard.press("Control+Enter");
  await expect(docs.rows("ack", "in", "ok")).toHaveCount(1);

  const ack = docs.rows("ack", "in");
  await docs.rows("ack", "in").focus();
  await page.keyboard.press("Enter");
  await expect(ack).toHaveAttribute("aria-expanded", "true");
  await page.keyboard.press("ArrowLeft");
  await expect(ack).toHaveAttribute("aria-expanded", "false");
  await page.keyboard.press("ArrowUp");
  await expect(docs.rows("publish", "out")).toBeFocused();

  async function tabTo(name: string) {
    const target = page.getByRole("button", { name, exact: true });
    for (let presses = 0; presses < 40; presses += 1) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`the button ${name} is not on the way of the Tab key`);
  }
});

test("help lists the shortcuts, and Escape closes it", async ({ docs, page }) => {
  await docs.open();
  await page.getByRole("button", { name: "Help and shortcuts" }).press("Enter");
  const help = page.getByRole("dialog", { name: "Keyboard" });
  await expect(help).toBeVisible();
  await expect(help).toContainText("Ctrl");
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();
  await expect(page.getByRole("button", { name: "Help and shortcuts" })).toBeFocused();
});

test("the focus is always visible", async ({ docs, page }) => {
  await docs.open();
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const focused = document.activeElement;
      if (focused === null || focused === document.body) return true;
      const shown = [focused, ...parents(focused)].slice(0, 4).map((element) => getComputedStyle(element));
      return shown.some((style) => style.outlineStyle !== "none" || style.boxShadow !== "none");
      function parents(element: Element): Element[] {
        return element.parentElement === null ? [] : [element.parentElement, ...parents(element.parentElement)];
      }
    });
    const name = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120));
    expect(seen, `stop ${presses + 1}: ${name}`).toBe(true);
  }
});
