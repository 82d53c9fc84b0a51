// `bun elysia.ts PORT`: the gateway's protocol on Elysia, with the publish that Bun's WebSockets have built in.

import { Elysia } from "elysia";
import { ack, message, ready, subscribed, unsubscribed } from "./topics.mjs";

const users = new Map<string, string>();

const app = new Elysia().ws("/ws", {
  // Every message is JSON: Elysia has parsed it.
  message(ws, request: any) {
    switch (request.type) {
      case "setup":
        users.set(ws.id, request.token);
        for (const topic of request.topics ?? []) {
          ws.subscribe(topic);
          ws.send(subscribed(topic));
        }
        ws.send(ready);
        break;
      case "subscribe":
        ws.subscribe(request.topic);
        ws.send(subscribed(request.topic));
        break;
      case "unsubscribe":
        ws.unsubscribe(request.topic);
        ws.send(unsubscribed(request.topic));
        break;
      case "publish": {
        const text = message(users.get(ws.id), request);
        // The server publishes: a publisher that subscribes gets its own messages too.
        if (text !== null) app.server!.publish(request.topic, text);
        ws.send(ack(request.messageId, text !== null));
      }
    }
  },
  close(ws) {
    users.delete(ws.id);
  },
});

app.listen({ hostname: "127.0.0.1", port: Number(process.argv[2]) });
