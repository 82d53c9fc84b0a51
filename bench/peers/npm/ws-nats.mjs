// `node ws-nats.mjs PORT NATS_PORT`: one of several servers with the package ws that share a core NATS server. They speak
// the gateway's protocol, but number no message and recognise no duplicate: core NATS stores nothing that they could agree
// on. A publish is answered before NATS has the message.

import { connect } from "@nats-io/transport-node";
import http from "node:http";
import { WebSocketServer } from "ws";
import { ack, ready, subscribed } from "./topics.mjs";

const [port, natsPort] = process.argv.slice(2).map(Number);
const nats = await connect({ servers: `127.0.0.1:${natsPort}` });
const topics = new Map();

function attach(name) {
  const subscribers = new Set();
  const deliver = (_, { data }) => {
    for (const subscriber of subscribers) subscriber.send(data, { binary: false });
  };
  const subscription = nats.subscribe(name, { callback: deliver });
  // After a flush the server has the subscription.
  const topic = { subscribers, subscription, attached: nats.flush() };
  topics.set(name, topic);
  return topic;
}

async function subscribe(ws, name) {
  const topic = topics.get(name) ?? attach(name);
  topic.subscribers.add(ws);
  ws.topics.add(name);
  await topic.attached;
  ws.send(subscribed(name));
}

function leave(ws, name) {
  const topic = topics.get(name);
  topic.subscribers.delete(ws);
  if (topic.subscribers.size > 0) return;
  topic.subscription.unsubscribe();
  topics.delete(name);
}

async function handle(ws, request) {
  switch (request.type) {
    case "setup":
      for (const name of request.topics ?? []) await subscribe(ws, name);
      ws.send(ready);
      break;
    case "publish": {
      const { topic, messageId, payload } = request;
      nats.publish(topic, JSON.stringify({ type: "message", topic, messageId, data: payload }));
      ws.send(ack(messageId, true));
    }
  }
}

const server = http.createServer((_, response) => response.writeHead(404).end());
new WebSocketServer({ server, path: "/ws", perMessageDeflate: false }).on("connection", (ws) => {
  ws.topics = new Set();
  ws.on("message", (data) => handle(ws, JSON.parse(data)));
  ws.on("close", () => ws.topics.forEach((name) => leave(ws, name)));
  ws.on("error", () => ws.terminate());
});

server.listen({ host: "127.0.0.1", port, backlog: 4096 });
