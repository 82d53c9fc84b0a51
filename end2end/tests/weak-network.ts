// A TCP proxy between a tab and its gateway, which can drop all bytes, as a lost network does, or cut connections. Taking the
// browser context offline does neither to an open WebSocket.

import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class WeakNetwork {
  private readonly pairs = new Set<[Socket, Socket]>();
  private state: "up" | "down" = "up";

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  /** Listens on a free port of this machine, in front of the gateway at `baseURL`. */
  static async before(baseURL: string): Promise<WeakNetwork> {
    const { hostname, port } = new URL(baseURL);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const network = new WeakNetwork(server, `127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on("connection", (near) => network.carry(near, connect(Number(port), hostname)));
    return network;
  }

  /** From now on all bytes are dropped in both directions, and neither side is told. New connections are not answered. */
  swallow() {
    this.state = "down";
    for (const [near, far] of this.pairs) {
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    }
  }

  /** Cuts every present connection. */
  cut() {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
    this.pairs.clear();
  }

  /** New connections pass again. The bytes of earlier ones are still dropped. */
  heal() {
    this.state = "up";
  }

  async close() {
    this.cut();
    await new Promise((closed) => this.server.close(closed));
  }

  private carry(near: Socket, far: Socket) {
    const pair: [Socket, Socket] = [near, far];
    this.pairs.add(pair);
    // What ends one side ends the other; an error is followed by "close".
    near.on("error", () => {}).on("close", () => far.destroy());
    far.on("error", () => {}).on("close", () => near.destroy());
    if (this.state === "up") {
      near.pipe(far);
      far.pipe(near);
    }
  }
}
