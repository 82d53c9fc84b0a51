// The test that every spec uses: it also fails if the browser logs an error or warning, if a request fails, or if the page tries
// to reach another host. A test that provokes such a complaint must announce it, and fails if it does not occur.

import { test as base, expect, type BrowserContext } from "@playwright/test";
import { Docs } from "./docs";

export interface Watch {
  /** Announces a complaint that this test provokes; a test in which it does not occur fails. */
  expectComplaint(pattern: RegExp): void;
  /** Lets the page reach one more host. */
  allowHost(host: string): void;
}

interface Fixtures {
  watch: Watch;
  docs: Docs;
  /** A topic that no other test uses. */
  topic: string;
}

export const test = base.extend<Fixtures>({
  watch: [
    async ({ context, baseURL }, use) => {
      const complaints: string[] = [];
      const expected: RegExp[] = [];
      listen(context, complaints);
      const hosts = new Set([new URL(baseURL!).host]);
      await blockOtherHosts(context, hosts, complaints);
      await use({ expectComplaint: (pattern) => expected.push(pattern), allowHost: (host) => hosts.add(host) });
      const unexpected = complaints.filter((text) => !expected.some((pattern) => pattern.test(text)));
      expect(unexpected, "complaints of the browser").toEqual([]);
      for (const pattern of expected) {
        expect(complaints.some((text) => pattern.test(text)), `the announced complaint ${pattern} came`).toBe(true);
      }
    },
    { auto: true },
  ],
  docs: async ({ page }, use) => use(new Docs(page)),
  topic: async ({}, use, testInfo) => use(`e2e-${testInfo.testId}-${testInfo.repeatEachIndex}`),
});

export { expect };

function listen(context: BrowserContext, complaints: string[]) {
  context.on("console", (message) => {
    if (["error", "warning", "assert"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  context.on("weberror", (error) => complaints.push(`uncaught: ${error.error().message}`));
  context.on("requestfailed", (request) => complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  context.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`status ${response.status()}: ${response.url()}`);
  });
}

async function blockOtherHosts(context: BrowserContext, hosts: Set<string>, complaints: string[]) {
  const isElsewhere = (url: URL) => url.protocol.startsWith("http") && !hosts.has(url.host);
  await context.route(isElsewhere, (route) => {
    complaints.push(`another host: ${route.request().url()}`);
    return route.abort();
  });
}
