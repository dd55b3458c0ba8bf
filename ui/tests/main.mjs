// The screens in a real browser over the real server; started by tests/end_to_end/screens.rs.

import assert from "node:assert/strict";
import { assertAccessible, launch, runTests } from "./browser.mjs";
import { releaseTasks } from "./releases.mjs";
import { PHONE, longRun, lookAtAll, releaseScreens, screens } from "./screens.mjs";
import { millstream, Server } from "./server.mjs";
import { tasks } from "./tasks.mjs";

const browser = await launch();
let server = await Server.start();
const failed = [];

const { items } = await server.get("/runs?state=failed");
assert.ok(items.length > 0, "the project has a run that failed");
const failedRun = items.at(-1).run;

failed.push(...await runTests(browser, server.base, tasks(() => server)));
const { items: [newest] } = await server.get("/backfills");
failed.push(...await lookAtAll(browser, server.base, screens({ run: failedRun, backfill: newest.backfill })));
failed.push(...await runTests(browser, server.base, longRun(failedRun), PHONE));

failed.push(...await runTests(browser, server.base, {
  "a page outlives its server": async (page) => {
    await page.goto("/runs");
    await page.getByText("Live", { exact: true }).waitFor();
    await server.kill();
    await page.getByText(/Connecting|Offline/).waitFor();
    await page.getByRole("table", { name: "Runs" }).waitFor();
    await millstream("run", "--select", "revenue", "--full-refresh");
    const [newest] = JSON.parse(await millstream("--output", "json", "runs", "list")).runs;
    server = await Server.start(server.address);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("link", { name: newest.run.slice(-6) }).or(page.getByRole("link", { name: newest.short ?? newest.run })).first().waitFor();
  },
}));
await server.kill();

const token = (await millstream("token", "new", "ann", "--scope", "read")).trim();
server = await Server.start("127.0.0.1:0", "--require-token");
failed.push(...await runTests(browser, server.base, {
  "a stranger signs in with a token, sees, and may change nothing": async (page) => {
    await page.goto("/schedules/nightly");
    await page.getByLabel("Token").fill("ms_wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await assertAccessible(page, "signing in");
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "nightly" }).waitFor();
    assert.ok(await page.getByRole("button", { name: "Pause" }).isDisabled());
    await page.reload();
    await page.getByRole("heading", { name: "nightly" }).waitFor();
    await page.goto("/settings");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
  },
}));

await server.kill();
server = await Server.start("127.0.0.1:0", "--env", "prod");
failed.push(...await runTests(browser, server.base, releaseTasks));
failed.push(...await lookAtAll(browser, server.base, releaseScreens()));

await server.kill();
await browser.close();
console.log(failed.length ? `${failed.length} failed: ${failed.join("; ")}` : "all passed");
process.exitCode = failed.length ? 1 : 0;
