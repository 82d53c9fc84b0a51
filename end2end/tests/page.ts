// What every test of the page needs: a page that fails the test when anything goes wrong in the browser.
import { test as base, expect } from "@playwright/test";

export { expect };

// Errors and warnings of the console, exceptions that nobody caught, and requests that failed are problems; a test
// that provokes one takes it out of `problems` itself. Requests to other hosts never leave: the page works offline.
export const test = base.extend<{ problems: string[] }>({
  problems: [
    async ({ page, baseURL }, use) => {
      const problems: string[] = [];
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) problems.push(`console ${message.type()}: ${message.text()}`);
      });
      page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
      page.on("requestfailed", (request) => problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
      await page.route(
        (url) => url.origin !== baseURL,
        (route) => {
          problems.push(`another host: ${route.request().url()}`);
          return route.abort();
        },
      );
      await use(problems);
      expect(problems).toEqual([]);
    },
    { auto: true },
  ],
});
