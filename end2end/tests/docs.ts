// The page at /docs as its tests use it: by roles and names.

import { expect, type Locator, type Page } from "@playwright/test";

export type Kind = "setup" | "subscribe" | "unsubscribe" | "publish" | "ack" | "ping";
type Direction = "out" | "in";

export class Docs {
  readonly log: Locator;
  readonly url: Locator;

  constructor(readonly page: Page) {
    this.log = page.getByRole("treegrid", { name: "Frames, oldest first" });
    this.url = page.getByRole("textbox", { name: "URL" });
  }

  /** Opens the page and waits until it is hydrated. */
  async open(anchor = "") {
    await this.page.goto(`/docs${anchor}`);
    await expect(this.page.locator("html")).toHaveAttribute("data-hydrated", /.*/);
  }

  /** The state of the connection in the top bar. */
  status(): Locator {
    return this.page.getByRole("group", { name: "Connection" });
  }

  async connect() {
    await this.page.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(this.status()).toContainText(/^connected/);
  }

  /** Connects, and sets up with `topics` instead of those that are filled in. */
  async setUp(...topics: string[]) {
    await this.connect();
    await this.choose("setup");
    await this.setTopics(topics);
    await this.send("setup");
    await expect(this.rows("ready", "in")).toHaveCount(1);
  }

  async setTopics(topics: string[]) {
    const chips = this.page.getByRole("button", { name: /^Remove / }).and(this.composer().getByRole("button"));
    while ((await chips.count()) > 0) await chips.first().click();
    for (const topic of topics) {
      await this.field("topics").fill(topic);
      await this.field("topics").press("Enter");
    }
  }

  /** The part of the page with which a message is composed. */
  composer(): Locator {
    return this.page.locator('[data-pane="message"]');
  }

  /** On a narrow screen composer and log are two views. */
  async show(view: "Compose" | "Log" | "Checks") {
    const button = this.page.getByRole("group", { name: "View" }).getByRole("button", { name: view });
    if (await button.isVisible()) await button.click();
  }

  async choose(kind: Kind) {
    await this.page.getByRole("radiogroup", { name: "Kind of message" }).getByText(kind, { exact: true }).click();
  }

  field(name: string): Locator {
    return this.composer().getByRole("textbox", { name, exact: true });
  }

  async send(kind: Kind) {
    await this.page.getByRole("button", { name: `Send ${kind}` }).click();
  }

  async subscribe(topic: string) {
    await this.choose("subscribe");
    await this.field("topic").fill(topic);
    await this.send("subscribe");
  }

  async publish(topic: string, payload: string, messageId?: string) {
    await this.choose("publish");
    await this.field("topic").fill(topic);
    if (messageId !== undefined) await this.field("messageId").fill(messageId);
    await this.field("payload").fill(payload);
    await this.send("publish");
  }

  /** Rows of the log; `has` is a text that they show. */
  rows(kind: string, direction?: Direction, has?: string): Locator {
    const side = direction === undefined ? "" : `[data-dir="${direction}"]`;
    const rows = this.log.locator(`.row[data-kind="${kind}"]${side}`);
    return has === undefined ? rows : rows.filter({ hasText: has });
  }

  async unfoldEndpoints() {
    const folded = this.page.locator("details.endpoint:not([open]) > summary");
    while ((await folded.count()) > 0) await folded.first().click();
  }

  endpoint(path: string): Locator {
    return this.page.locator("details.endpoint").filter({ has: this.page.locator("summary").getByText(path, { exact: true }) });
  }
}
