// A WebSocket client that shares no code with the page: it observes what any client would.

import WebSocket from "ws";

export type Frame = { type: string; [field: string]: unknown };

export class GatewayClient {
  private readonly waiting: Array<{ wanted: (frame: Frame) => boolean; resolve: (frame: Frame) => void }> = [];
  readonly frames: Frame[] = [];

  private constructor(private readonly socket: WebSocket) {
    socket.on("message", (data) => this.take(JSON.parse(data.toString()) as Frame));
  }

  /** Connects and sets up. `baseURL` is that of the HTTP side. */
  static async open(baseURL: string, options: { token?: string; topics?: string[] } = {}): Promise<GatewayClient> {
    const socket = new WebSocket(`${baseURL.replace(/^http/, "ws")}/ws`);
    const client = new GatewayClient(socket);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const ready = client.next((frame) => frame.type === "ready");
    client.send({ type: "setup", token: options.token ?? "somebody-else", topics: options.topics ?? [] });
    await ready;
    return client;
  }

  send(frame: Frame) {
    this.socket.send(JSON.stringify(frame));
  }

  /** The first frame from now on that `wanted` accepts. */
  next(wanted: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve) => this.waiting.push({ wanted, resolve }));
  }

  /** Publishes all of `payloads` without waiting in between; done when the last one is acknowledged. */
  async publishAll(topic: string, payloads: unknown[]): Promise<void> {
    if (payloads.length === 0) return;
    const id = (index: number) => `${topic}-${index}-${Date.now()}`;
    const ids = payloads.map((_, index) => id(index));
    const last = this.next((frame) => frame.type === "ack" && frame.messageId === ids.at(-1));
    payloads.forEach((payload, index) => this.send({ type: "publish", topic, messageId: ids[index], payload }));
    await last;
  }

  close() {
    this.socket.close();
  }

  private take(frame: Frame) {
    this.frames.push(frame);
    const index = this.waiting.findIndex(({ wanted }) => wanted(frame));
    if (index >= 0) this.waiting.splice(index, 1)[0]!.resolve(frame);
  }
}
