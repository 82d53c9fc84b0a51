// All steps of a first visit, on /ws.

import { expect, test } from "./fixtures";

test("connect, setup, subscribe, publish, duplicate, unsubscribe", async ({ docs, topic }) => {
  const [first, second] = [`${topic}.first`, `${topic}.second`];
  await docs.open();

  await test.step("connect to /ws", async () => {
    await expect(docs.url).toHaveValue(/^ws:\/\/.+\/ws$/);
    await docs.connect();
    await expect(docs.rows("open")).toHaveCount(1);
  });

  await test.step("setup with topics: subscribed to each, then ready", async () => {
    await docs.choose("setup");
    await expect(docs.field("token")).toHaveValue("demo-user");
    await docs.setTopics([first, `${first}b`]);
    await docs.send("setup");
    await expect(docs.rows("setup", "out")).toHaveCount(1);
    await expect(docs.rows("ready", "in")).toHaveCount(1);
    const answers = docs.log.locator('.row[data-dir="in"]');
    await expect(answers).toHaveCount(3);
    await expect(answers.nth(0)).toHaveAttribute("data-kind", "subscribed");
    await expect(answers.nth(0)).toContainText(first);
    await expect(answers.nth(1)).toContainText(`${first}b`);
    await expect(answers.nth(2)).toHaveAttribute("data-kind", "ready");
  });

  await test.step("subscribe", async () => {
    await docs.subscribe(second);
    await expect(docs.rows("subscribed", "in", second)).toHaveCount(1);
  });

  await test.step("publish: ack, and the message", async () => {
    await docs.publish(second, '{"side":"sell","qty":25000}', `${topic}-1`);
    await expect(docs.rows("ack", "in", "ok")).toHaveCount(1);
    await expect(docs.rows("message", "in", "25000")).toHaveCount(1);
  });

  await test.step("the same messageId again: duplicate, and no second message", async () => {
    await docs.publish(second, '{"side":"sell","qty":25000}', `${topic}-1`);
    await expect(docs.rows("ack", "in", "duplicate")).toHaveCount(1);
    // A delivery of the duplicate would come before the answer to a ping that is sent after it.
    await docs.choose("ping");
    await docs.send("ping");
    await expect(docs.rows("pong", "in")).toHaveCount(1);
    await expect(docs.rows("message", "in")).toHaveCount(1);
  });

  await test.step("unsubscribe: no message any more", async () => {
    await docs.choose("unsubscribe");
    await docs.field("topic").fill(second);
    await docs.send("unsubscribe");
    await expect(docs.rows("unsubscribed", "in", second)).toHaveCount(1);
    await docs.publish(second, '{"qty":1}', `${topic}-2`);
    await expect(docs.rows("ack", "in", `${topic}-2`)).toHaveCount(1);
    await docs.choose("ping");
    await docs.send("ping");
    await expect(docs.rows("pong", "in")).toHaveCount(2);
    await expect(docs.rows("message", "in")).toHaveCount(1);
  });

  await test.step("disconnect", async () => {
    await docs.page.getByRole("button", { name: "Disconnect" }).click();
    await expect(docs.rows("close")).toHaveCount(1);
    await expect(docs.status()).not.toContainText(/^connected/);
  });
});

test("what is filled in is enough: Connect, Send, and a message arrives", async ({ docs, request }) => {
  await docs.open();
  await docs.page.getByRole("button", { name: "Connect", exact: true }).click();
  await docs.send("setup");
  await expect(docs.rows("ready", "in")).toHaveCount(1);
  await request.get("/demo/publish/prices?bid=100&ask=101");
  await expect(docs.rows("message", "in", "101").first()).toBeVisible();
});

test("each publish gets a new messageId, unless it is kept", async ({ docs, topic }) => {
  await docs.open();
  await docs.setUp(topic);
  await docs.choose("publish");
  const before = await docs.field("messageId").inputValue();
  await docs.send("publish");
  await expect(docs.field("messageId")).not.toHaveValue(before);
  await docs.page.getByRole("button", { name: "Keep this id" }).click();
  const kept = await docs.field("messageId").inputValue();
  await docs.send("publish");
  await docs.send("publish");
  await expect(docs.field("messageId")).toHaveValue(kept);
  await expect(docs.rows("ack", "in", "duplicate")).toHaveCount(1);
});
