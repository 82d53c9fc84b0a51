// `node node-ws.mjs PORT [CERTIFICATE KEY]`: the gateway's protocol on Node with the package ws.

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { WebSocketServer } from "ws";
import { ack, message, ready, subscribed, unsubscribed } from "./topics.mjs";

const [port, certificate, key] = process.argv.slice(2);
const server = certificate
  ? https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) })
  : http.createServer();
server.on("request", (_, response) => response.writeHead(404).end());

const topics = new Map();

function subscribe(ws, topic) {
  let subscribers = topics.get(topic);
  if (!subscribers) topics.set(topic, (subscribers = new Set()));
  subscribers.add(ws);
  ws.topics.add(topic);
  ws.send(subscribed(topic));
}

function unsubscribe(ws, topic) {
  const subscribers = topics.get(topic);
  subscribers?.delete(ws);
  if (subscribers?.size === 0) topics.delete(topic);
  ws.topics.delete(topic);
}

function handle(ws, request) {
  switch (request.type) {
    case "setup":
      ws.user = request.token;
      for (const topic of request.topics ?? []) subscribe(ws, topic);
      ws.send(ready);
      break;
    case "subscribe":
      subscribe(ws, request.topic);
      break;
    case "unsubscribe":
      unsubscribe(ws, request.topic);
      ws.send(unsubscribed(request.topic));
      break;
    case "publish": {
      const text = message(ws.user, request);
      if (text !== null) {
        const bytes = Buffer.from(text);
        for (const subscriber of topics.get(request.topic) ?? []) subscriber.send(bytes, { binary: false });
      }
      ws.send(ack(request.messageId, text !== null));
    }
  }
}

new WebSocketServer({ server, path: "/ws", perMessageDeflate: false }).on("connection", (ws) => {
  ws.topics = new Set();
  ws.on("message", (data) => handle(ws, JSON.parse(data)));
  ws.on("close", () => ws.topics.forEach((topic) => unsubscribe(ws, topic)));
  ws.on("error", () => ws.terminate());
});

server.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
