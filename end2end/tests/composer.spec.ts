// Form and JSON are two views of one message; faults are shown, and the message can be sent nevertheless.

import { expect, test } from "./fixtures";

test("form and JSON show the same message", async ({ docs, page }) => {
  await docs.open();
  await docs.choose("publish");
  await docs.field("topic").fill("orders");
  await docs.field("payload").fill('{"qty":7}');
  await page.getByRole("group", { name: "Write as" }).getByRole("button", { name: "JSON" }).click();
  const json = page.getByRole("textbox", { name: "Message as JSON" });
  const message = JSON.parse(await json.inputValue());
  expect(message).toMatchObject({ type: "publish", topic: "orders", payload: { qty: 7 } });
  expect(message.messageId).toMatch(/.+/);
  await json.fill(JSON.stringify({ type: "subscribe", topic: "from-json" }));
  await page.getByRole("group", { name: "Write as" }).getByRole("button", { name: "Form" }).click();
  await expect(docs.page.getByRole("radio", { name: "subscribe", exact: true })).toBeChecked();
  await expect(docs.field("topic")).toHaveValue("from-json");
});

test("a payload that is not JSON says where it is wrong", async ({ docs }) => {
  await docs.open();
  await docs.choose("publish");
  await docs.field("payload").fill('{\n  "bid": 100,\n  "ask": oops\n}');
  await expect(docs.field("payload")).toHaveAttribute("aria-invalid", "true");
  await expect(docs.field("payload")).toHaveAccessibleDescription(/line 3.*column \d+/i);
});

test("an invalid message can be sent, and the gateway's error is shown", async ({ docs, page, topic }) => {
  await docs.open();
  await docs.setUp(topic);
  await page.getByRole("group", { name: "Write as" }).getByRole("button", { name: "JSON" }).click();
  await page.getByRole("textbox", { name: "Message as JSON" }).fill('{"type":"publish",');
  await page.getByRole("button", { name: "Send all the same" }).click();
  await expect(docs.rows("error", "in", "INVALID_JSON")).toHaveCount(1);
  await page.getByRole("textbox", { name: "Message as JSON" }).fill('{"type":"dance"}');
  await page.getByRole("button", { name: "Send all the same" }).click();
  await expect(docs.rows("error", "in", "UNKNOWN_TYPE")).toHaveCount(1);
  await expect(docs.status()).toContainText(/^connected/);
});

test("an error before setup is explained, with a link to the reference", async ({ docs, page }) => {
  await docs.open();
  await docs.connect();
  await docs.choose("ping");
  await docs.send("ping");
  const row = docs.rows("error", "in", "SETUP_REQUIRED");
  await row.click();
  await page.locator('a[href="#error-SETUP_REQUIRED"]').first().click();
  await expect(page.locator("#error-SETUP_REQUIRED")).toBeInViewport();
});
