// A real browser, and what must never happen in it: an error on the console, a breach of the
// content policy, a finding of axe that is serious.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ARGUMENTS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
/** How long anything on a page may take, in milliseconds; the machine may be busy. */
export const PATIENCE = 30_000;

/** Chromium of the system: browsers are not downloaded. */
export function launch() {
  const executablePath = process.env.MILLSTREAM_TEST_CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ARGUMENTS, timeout: 60_000 });
}

/** A page in a window of its own; `complaints` collects what must not happen. */
export async function open(browser, base, options = {}) {
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    // The browser itself reports refusals of the server; the page shows them, and tests look there.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  return { page, complaints, close: () => context.close() };
}

/** Nothing serious by axe, and nothing wider than the screen. */
export async function assertAccessible(page, what) {
  await page.evaluate(AXE);
  const findings = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.slice(0, 3).map((node) => `${node.html}\n  ${node.failureSummary}`).join("\n  ")}`);
  });
  assert.deepEqual(findings, [], `axe on ${what}:\n${findings.join("\n")}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${what} is ${overflow} px wider than its screen`);
}

/** Runs tests one after the other on a page each; what fails is named with all its reasons. */
export async function runTests(browser, base, tests, options = {}) {
  const failed = [];
  for (const [name, test] of Object.entries(tests)) {
    const began = Date.now();
    const window = await open(browser, base, options);
    try {
      await test(window.page, window);
      assert.deepEqual(window.complaints, []);
      console.log(`ok    ${name} (${Date.now() - began} ms)`);
    } catch (error) {
      failed.push(name);
      console.log(`FAIL  ${name}\n${error.stack ?? error}\n${window.complaints.join("\n")}`);
      await screenshot(window.page, name);
    }
    await window.close();
  }
  return failed;
}

/** Keeps what a page looks like, where one is told to. */
export async function screenshot(page, name) {
  const folder = process.env.MILLSTREAM_TEST_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name.replaceAll(/[^\w]+/g, "-")}.png` });
}
