// One server for the whole suite, the binary that `cargo xtask test browser` built; Playwright starts and stops it.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "@playwright/test";

const binary = process.env.END2END_BINARY ?? fileURLToPath(new URL("../target/debug/micro-socket", import.meta.url));
const address = `127.0.0.1:${process.env.END2END_PORT ?? "3100"}`;

// Debian's browser if it is installed, else the one that `npx playwright install chromium` installs.
const debianChromium = "/usr/bin/chromium";
const executablePath = existsSync(debianChromium) ? debianChromium : undefined;

export default defineConfig({
  testDir: "tests",
  forbidOnly: true,
  fullyParallel: true,
  // A test mostly waits: for the page, for the gateway's clocks.
  workers: 2,
  retries: 0,
  timeout: 30_000,
  globalTimeout: 15 * 60_000,
  reporter: [["list"]],
  use: {
    baseURL: `http://${address}`,
    browserName: "chromium",
    // A failed test leaves its trace and screenshots in test-results/.
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  webServer: {
    command: `"${binary}" --listen ${address}`,
    url: `http://${address}/docs`,
    reuseExistingServer: false,
    gracefulShutdown: { signal: "SIGTERM", timeout: 5_000 },
    timeout: 30_000,
  },
});
