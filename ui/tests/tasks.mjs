// What an operator does most, done in the browser on the real server.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { project, millstream } from "./server.mjs";

/** A row of a table by the text of its first cell. */
const row = (page, name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
const dialog = (page) => page.getByRole("dialog");
const heading = (page, name) => page.getByRole("heading", { name, level: 1, exact: true }).waitFor();

/** The tests, in their order: some go on from what those before have done. */
export const tasks = (server) => ({
  "what fails, since when, why, and what hangs on it, in two clicks": async (page) => {
    await page.goto("/");
    const failing = page.getByRole("article").filter({ hasText: "main.clean_orders" });
    await failing.getByText("Failing").waitFor();
    await failing.getByText(/since .*holds up 1 table/).waitFor();
    await failing.getByRole("link", { name: "See why" }).click();
    await heading(page, /^Run /);
    const step = page.getByRole("region", { name: "Step table:main.clean_orders" });
    await step.getByText("Refused by a check").first().waitFor();
    await step.getByText("not_null_clean_orders_amount").first().waitFor();
    assert.match(page.url(), /step=table%3Amain.clean_orders/);
  },

  "see who was told what, send again what was refused, and try the channel": async (page) => {
    await page.goto("/notifications");
    await row(page, "a check refused main.clean_orders").getByText("Wrong now").waitFor();
    await row(page, "a check refused main.clean_orders").getByRole("link").click();
    const notice = page.getByRole("region", { name: /^Notice a check refused/ });
    await notice.getByRole("list", { name: "Messages about it" }).getByText("Given up").waitFor();
    await notice.getByRole("link", { name: "main.revenue" }).waitFor();
    await page.getByRole("tab", { name: "Messages" }).click();
    await page.getByRole("button", { name: /^Send again/ }).click();
    await dialog(page).getByText(/^millstream notifications resend \w+-1$/).waitFor();
    await dialog(page).getByText(/notify.refused/).waitFor();
    await dialog(page).getByRole("button", { name: "Send again" }).click();
    // The server sends it; the page hears of it.
    await page.getByRole("table", { name: "Messages" }).getByText("Sent", { exact: true }).waitFor();
    await page.getByRole("tab", { name: "Channels and rules" }).click();
    await page.getByRole("button", { name: "Try hook" }).click();
    await dialog(page).getByText("millstream notifications test hook").waitFor();
    await dialog(page).getByRole("button", { name: "Send a message" }).click();
    await page.getByText("The message to hook was taken").waitFor();
    await page.getByRole("cell", { name: "failures" }).waitFor();
  },

  "mute what begins at an asset, and end a mute": async (page) => {
    await page.goto("/notifications");
    await row(page, "a check refused main.clean_orders").getByRole("link").click();
    const notice = page.getByRole("region", { name: /^Notice a check refused/ });
    await notice.getByRole("button", { name: "Mute" }).click();
    await dialog(page).getByLabel("For how long").selectOption("2 h");
    await dialog(page).getByLabel(/^Why/).fill("the shop is moved");
    await dialog(page).getByText("millstream notifications mute table:main.clean_orders --for 2h --reason 'the shop is moved'").waitFor();
    await dialog(page).getByRole("button", { name: "Mute" }).click();
    await notice.getByText("muted").waitFor();
    await page.goto("/notifications?tab=mutes");
    await page.getByRole("cell", { name: "the shop is moved" }).waitFor();
    // Another process: the page hears of it.
    await millstream("notifications", "mute", "--all", "--for", "30m");
    await page.getByRole("button", { name: "End the mute of everything" }).click();
    await dialog(page).getByText("millstream notifications unmute --all").waitFor();
    await dialog(page).getByRole("button", { name: "End the mute" }).click();
    await page.getByText("everything is muted no more").waitFor();
    await page
      .getByRole("cell", { name: "everything", exact: true })
      .waitFor({ state: "detached" });
  },

  "run again from the failure, with a preview, and it is healthy": async (page) => {
    const orders = `${project}/orders.csv`;
    writeFileSync(orders, readFileSync(orders, "utf8").replace("3,1,\n", "3,1,30\n"));
    await page.goto("/");
    const failing = page.getByRole("article").filter({ hasText: "main.clean_orders" });
    await failing.getByRole("button", { name: /^Run again/ }).click();
    await dialog(page).getByLabel("Also what they are made from").check();
    await dialog(page).getByText(/steps? would run/).waitFor();
    await dialog(page).getByText(/^millstream runs rerun \S+ --upstream$/).waitFor();
    await dialog(page).getByRole("link", { name: "main.clean_orders" }).waitFor();
    await dialog(page).getByRole("button", { name: "Run again" }).click();
    await heading(page, /^Run /);
    await page.getByRole("main").getByText("Succeeded").first().waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("o");
    await page.getByText("Nothing is late and nothing fails.").waitFor();
  },

  "plan a selection and run it, by keyboard alone": async (page) => {
    await page.goto("/");
    await heading(page, "Overview");
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await heading(page, "Plan");
    await page.getByLabel("Select").focus();
    await page.keyboard.type("revenue");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.keyboard.press("Enter");
    await page.waitForURL(/select=revenue&full=yes/);
    await row(page, "main.revenue").getByText("Would run").waitFor();
    const run = page.getByRole("button", { name: "Run …" });
    await run.focus();
    await page.keyboard.press("Enter");
    await dialog(page).getByText("millstream run --select revenue --full-refresh").waitFor();
    await dialog(page).getByText("1 step would run").waitFor();
    const verb = dialog(page).getByRole("button", { name: "Run", exact: true });
    await verb.focus();
    await page.keyboard.press("Enter");
    await heading(page, /^Run /);
    await row(page, "main.revenue").getByText("Succeeded").waitFor();
  },

  "follow a run live and cancel it": async (page) => {
    await page.goto("/runs");
    const { run } = await server().post("/runs", { select: ["endless"] });
    const short = (await server().get(`/runs/${run}`)).short;
    await row(page, short).getByText("Running", { exact: true }).waitFor();
    await row(page, short).getByRole("link").click();
    await row(page, "main.endless").getByText("Running", { exact: true }).waitFor();
    await page.getByRole("tab", { name: "In time" }).click();
    await page.getByRole("list", { name: "Attempts in time" }).getByText("Running").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await dialog(page).getByText(`millstream runs cancel ${short}`).waitFor();
    await dialog(page).getByRole("button", { name: "Cancel the run" }).click();
    await page.getByRole("main").getByText("Cancelled").first().waitFor();
  },

  "find an asset by some letters, and what it is made from": async (page) => {
    await page.goto("/");
    await heading(page, "Overview");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("clean_or");
    await page.getByRole("option", { name: /main.clean_orders/ }).waitFor();
    await page.keyboard.press("Enter");
    await heading(page, "main.clean_orders");
    await page.getByText("One row per order").waitFor();
    await page.getByRole("tab", { name: "Overview" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("table", { name: "Versions" }).waitFor();
    await page.getByRole("tab", { name: "Columns" }).click();
    await row(page, "amount").getByRole("link").click();
    await page.getByRole("table", { name: "Lineage of amount" }).getByText("shop.orders.amount").waitFor();
    await page.getByRole("tab", { name: "Sample" }).click();
    await page.getByRole("table", { name: /^Sample/ }).getByText("30").first().waitFor();
    await page.getByRole("tab", { name: "Checks" }).click();
    await row(page, "not_null_clean_orders_amount").or(page.getByRole("cell", { name: "not_null_clean_orders_amount" })).first().waitFor();
  },

  "filter and sort a table, and send the link": async (page) => {
    await page.goto("/assets");
    await page.getByRole("table", { name: "Assets" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("kind:table -shop");
    await page.getByRole("button", { name: "Name" }).click();
    await page.getByRole("button", { name: "Name" }).click();
    const names = () => page.getByRole("row").getByRole("link").allInnerTexts();
    const before = await names();
    assert.ok(before.length > 2 && before.every((name) => !name.startsWith("shop.")), before.join());
    assert.deepEqual(before, [...before].sort().reverse());
    await page.goto(page.url());
    await page.getByRole("table", { name: "Assets" }).waitFor();
    assert.deepEqual(await names(), before);
    await page.getByRole("searchbox", { name: /^Filter/ }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await heading(page, before[1]);
  },

  "pause a schedule, and let it go on": async (page) => {
    await page.goto("/schedules");
    await row(page, "nightly").getByRole("link").click();
    await page.getByRole("tab", { name: "Next times" }).click();
    await page.getByRole("table", { name: "Next times" }).getByText(/02:30:00/).first().waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await dialog(page).getByLabel(/^Why/).fill("the warehouse is moved");
    await dialog(page).getByText("millstream schedule pause nightly --reason 'the warehouse is moved'").waitFor();
    await dialog(page).getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused", { exact: true }).waitFor();
    await page.getByText(/the warehouse is moved/).first().waitFor();
    // Another process: the page hears of it.
    await millstream("schedule", "resume", "nightly");
    await page.getByRole("button", { name: "Pause" }).waitFor();
  },

  "look at partitions by keyboard, backfill what is missing, mend what failed and go on": async (page) => {
    await page.goto("/assets/table%3Amain.visits_daily?tab=partitions");
    const made = page.getByRole("group", { name: "3 partitions" });
    await made.getByRole("link", { name: /^2024-01-03: Made/ }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Partition 2024-01-02" }).getByText("1 rows").waitFor();

    await page.goto("/assets/table%3Amain.fragile_daily?tab=partitions");
    await page.getByText("3 missing").waitFor();
    await page.getByRole("button", { name: "Backfill …" }).click();
    await dialog(page).getByText(/^3 partitions would be made; nobody knows/).waitFor();
    await dialog(page).getByText("millstream backfill table:main.fragile_daily --missing").waitFor();
    await dialog(page).getByRole("button", { name: "Start" }).click();
    await heading(page, /^Backfill /);
    const cells = page.getByRole("group", { name: "3 partitions" });
    await page.getByRole("main").getByText("Failed", { exact: true }).first().waitFor();
    await cells.getByRole("link", { name: /2024-01-02: Failed/ }).waitFor();
    await cells.getByRole("link", { name: /2024-01-03: Done/ }).waitFor();

    const visits = `${project}/visits.csv`;
    writeFileSync(visits, readFileSync(visits, "utf8").replace(",none", ",2"));
    await millstream("run", "--select", "source:shop.visits");
    await page.getByRole("button", { name: "Resume" }).click();
    await dialog(page).getByText("tries 1 partition once more").waitFor();
    await dialog(page).getByText(/^millstream backfill resume \S+$/).waitFor();
    await dialog(page).getByRole("button", { name: "Resume" }).click();
    await page.getByRole("main").getByText("Succeeded").first().waitFor();
    await cells.getByRole("link", { name: /2024-01-02: Done/ }).click();
    await heading(page, /^Run /);
  },

  "follow a backfill live, hold it back and end it": async (page) => {
    await page.goto("/backfills");
    const started = await server().post("/backfills", { select: ["endless_daily"], which: "all", newest_first: true });
    const { short } = await server().get(`/backfills/${started.backfill}`);
    await row(page, short).getByText("Running", { exact: true }).waitFor();
    await row(page, short).getByRole("link").click();
    await page.getByRole("link", { name: /2024-01-03: Running/ }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await dialog(page).getByText(`millstream backfill pause ${short}`).waitFor();
    await dialog(page).getByRole("button", { name: "Pause" }).click();
    await page.getByRole("main").getByText("Paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await dialog(page).getByText("It cannot be resumed").waitFor();
    await dialog(page).getByRole("button", { name: "Cancel the backfill" }).click();
    await page.getByRole("main").getByText("Cancelled").first().waitFor();
    await page.getByRole("tab", { name: "List" }).click();
    await page.getByRole("table", { name: "Partitions" }).getByText("Cancelled").first().waitFor();
  },

  "ask in SQL, by keyboard, and read an error": async (page) => {
    await page.goto("/sql");
    await page.getByLabel("SQL", { exact: true }).focus();
    await page.keyboard.type("select customer_id, sum(amount) as total from clean_orders group by 1 order by 1");
    await page.keyboard.press("Control+Enter");
    const result = page.getByRole("table", { name: "Result" });
    await result.getByRole("columnheader", { name: /^total/ }).waitFor();
    assert.match(decodeURIComponent(page.url()), /sum\(amount\)/);
    await page.keyboard.press("Control+a");
    await page.keyboard.type("select nothing_here from clean_orders");
    await page.keyboard.press("Control+Enter");
    await page.getByRole("alert").getByText(/nothing_here/).waitFor();
  },

  "compare versions of a model, roll back and promote": async (page) => {
    await page.goto("/models");
    await row(page, "topics").getByRole("link").click();
    await page.getByText("champion is version 2").waitFor();
    await page.getByRole("button", { name: "Roll back" }).click();
    await dialog(page).getByLabel(/^Why/).fill("it was better");
    await dialog(page).getByText("millstream model rollback topics --reason 'it was better'").waitFor();
    await dialog(page).getByRole("button", { name: "Roll back" }).click();
    await page.getByText("champion is version 1").waitFor();
    await row(page, "2").getByRole("link").click();
    await page.getByRole("region", { name: "Version 2" }).getByText("f1_weighted >= 0.1").waitFor();
    await page.getByRole("button", { name: "Promote 2" }).click();
    await dialog(page).getByText("Served by topics").waitFor();
    await dialog(page).getByLabel(/^Why/).fill("on second thought");
    await dialog(page).getByRole("button", { name: "Promote" }).click();
    await page.getByText("champion is version 2").waitFor();
  },

  "see what is served, how often and how fast": async (page) => {
    await page.goto("/deployments");
    const scored = await fetch(`${server().base}/models/topics/invocations`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ dataframe_records: [{ title: "a cat and a dog" }] }),
    });
    assert.equal(scored.status, 200, await scored.text());
    await row(page, "topics").getByText(/ ms$/).first().waitFor();
  },

  "walk through the graph by keyboard": async (page) => {
    await page.goto("/graph?at=table%3Ashop.orders");
    const graph = page.getByRole("application", { name: /^Asset graph/ });
    await graph.focus();
    await page.keyboard.press("ArrowRight");
    await page.waitForURL(/at=table%3Amain.clean_orders/);
    await page.getByRole("complementary", { name: "Chosen asset" }).getByText("main.clean_orders").waitFor();
    await page.keyboard.press("Enter");
    await heading(page, "main.clean_orders");
  },

  "see in the grid which step failed in which run": async (page) => {
    await page.goto("/grid");
    const cell = page.getByRole("gridcell", { name: /main.clean_orders, run .*: Refused by a check/ });
    await cell.first().click();
    await page.getByRole("region", { name: "Step table:main.clean_orders" }).waitFor();
  },

  "make a token and revoke it": async (page) => {
    await page.goto("/settings?tab=tokens");
    await page.getByRole("button", { name: "New token" }).click();
    await dialog(page).getByLabel("Name").fill("ci");
    await dialog(page).getByRole("radio", { name: /^operator/ }).check();
    await dialog(page).getByRole("button", { name: "Make the token" }).click();
    await dialog(page).getByText(/^ms_/).waitFor();
    await dialog(page).getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Revoke ci" }).click();
    await dialog(page).getByRole("button", { name: "Revoke" }).click();
    await page.getByText("There is no token").waitFor();
    await page.getByRole("tab", { name: "Audit" }).click();
    await page.getByRole("cell", { name: "token.revoke" }).waitFor();
  },
});
