// `node socket-io.mjs PORT REDIS_PORT`: one of several Socket.IO servers that share a Redis server, by the adapter for
// Redis streams. Its defaults: no connection state recovery, and a publish is answered before Redis has the message.

import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";

const [port, redisPort] = process.argv.slice(2).map(Number);
const name = `server-${port}`;
const redis = new Redis({ host: "127.0.0.1", port: redisPort, connectionName: name });
const server = http.createServer((_, response) => response.writeHead(404).end());
const io = new Server(server, { adapter: createAdapter(redis), transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  for (const topic of socket.handshake.auth.topics ?? []) socket.join(topic);
  socket.on("publish", (topic, messageId, payload, acknowledge) => {
    io.to(topic).emit("message", topic, messageId, payload);
    acknowledge();
  });
  socket.emit("ready");
});

// The adapter does not tell when it begins to read the stream; what is published before is lost to this server.
const reads = (client) => client.includes(` name=${name} `) && client.includes(" cmd=xread ");
while (!(await redis.client("LIST")).split("\n").some(reads)) await sleep(10);
server.listen({ host: "127.0.0.1", port, backlog: 4096 });
