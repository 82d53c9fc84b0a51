// Two tabs, and a client that is no browser: a message that one publishes arrives at the others.

import { Docs } from "./docs";
import { expect, test } from "./fixtures";
import { GatewayClient } from "./gateway-client";

test("a publish in one tab arrives in the other, under the same number", async ({ context, docs, topic }) => {
  const other = new Docs(await context.newPage());
  for (const tab of [docs, other]) {
    await tab.open();
    await tab.setUp(topic);
  }
  await docs.publish(topic, '{"from":"the first tab"}', `${topic}-1`);
  for (const tab of [docs, other]) {
    await expect(tab.rows("message", "in", "the first tab")).toHaveCount(1);
  }
  await other.publish(topic, '{"from":"the second tab"}', `${topic}-2`);
  await expect(docs.rows("message", "in", "the second tab")).toHaveCount(1);
});

test("page and plain client receive each other's messages", async ({ baseURL, docs, topic }) => {
  await docs.open();
  await docs.setUp(topic);
  const client = await GatewayClient.open(baseURL!, { topics: [topic] });
  const heard = client.next((frame) => frame.type === "message");
  await docs.publish(topic, '{"big":12345678901234567890}', `${topic}-1`);
  expect(await heard).toMatchObject({ topic, seqNo: 1, messageId: `${topic}-1` });
  client.send({ type: "publish", topic, messageId: `${topic}-2`, payload: "from outside" });
  await expect(docs.rows("message", "in", "from outside")).toHaveCount(1);
  // Page and gateway keep every digit of the number.
  await expect(docs.rows("message", "in", "12345678901234567890")).toHaveCount(1);
  client.close();
});
