// Every screen, in both themes and on a phone: accessible, whole, and as the content policy wants it.

import assert from "node:assert/strict";
import { assertAccessible, open, screenshot } from "./browser.mjs";

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

/** The addresses of all screens, with what must be seen on each before it is looked at. */
export function screens({ run, backfill }) {
  return {
    overview: ["/", "Needs attention"],
    assets: ["/assets", "shop.orders"],
    asset: ["/assets/table%3Amain.clean_orders", "Declared in"],
    versions: ["/assets/table%3Amain.clean_orders?tab=versions", "Rows out"],
    columns: ["/assets/table%3Amain.clean_orders?tab=columns", "amount"],
    sample: ["/assets/table%3Amain.clean_orders?tab=sample", "amount"],
    checks: ["/assets/table%3Amain.clean_orders?tab=checks", "not_null_clean_orders_amount"],
    lineage: ["/assets/table%3Amain.clean_orders?tab=lineage", "Made from"],
    partitions: ["/assets/table%3Amain.visits_daily?tab=partitions&partition=2024-01-02", "Make again"],
    "partitions as a list": ["/assets/table%3Amain.visits_daily?tab=partitions&view=list", "2024-01-02"],
    graph: ["/graph?at=table%3Amain.clean_orders", "Fit"],
    runs: ["/runs", "Started"],
    run: [`/runs/${run}`, "Refused by a check"],
    gantt: [`/runs/${run}?tab=time`, "Refused by a check"],
    log: [`/runs/${run}?tab=log`, "refused by its checks"],
    grid: ["/grid", "main.clean_orders"],
    plan: ["/plan", "Up to date"],
    schedules: ["/schedules", "nightly"],
    schedule: ["/schedules/nightly?tab=next", "In your zone"],
    backfills: ["/backfills", "main.fragile_daily"],
    backfill: [`/backfills/${backfill}`, "main.endless_daily"],
    "backfill as a list": [`/backfills/${backfill}?view=list`, "2024-01-02"],
    notices: ["/notifications", "main.clean_orders"],
    messages: ["/notifications?tab=messages", "Sent"],
    rules: ["/notifications?tab=rules", "hook"],
    mutes: ["/notifications?tab=mutes", "the shop is moved"],
    sources: ["/sources", "orders"],
    models: ["/models", "topics"],
    model: ["/models/topics?version=1", "f1_weighted"],
    deployments: ["/deployments", "topics"],
    sql: ["/sql?sql=select%201%20as%20one", "1 rows"],
    settings: ["/settings", "Environment"],
    audit: ["/settings?tab=audit", "run.start"],
    tokens: ["/settings?tab=tokens", "New token"],
    nowhere: ["/no/such/screen", "There is nothing here"],
  };
}

/** Those of an environment that runs by releases, of which one waits for approval. */
export function releaseScreens() {
  return {
    "overview with a release": ["/", "Waits for approval"],
    releases: ["/releases", "Superseded"],
    release: ["/releases/3", "models/revenue.sql"],
    "release as a plan": ["/releases/3?tab=due", "would be due"],
    "release that was": ["/releases/1", "Compared with nothing"],
  };
}

/** Looks at screens; gives the names of those that are not as they should be. */
export async function lookAtAll(browser, base, screens) {
  const failed = [];
  const looks = { light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, phone: { ...PHONE, colorScheme: "light" } };
  for (const [look, options] of Object.entries(looks)) {
    const { page, complaints, close } = await open(browser, base, options);
    for (const [name, [address, text]] of Object.entries(screens)) {
      const what = `${name} ${look}`;
      try {
        await page.goto(address);
        await page.getByRole("main").getByText(text).first().waitFor({ state: "attached" });
        await assertAccessible(page, what);
        assert.deepEqual(complaints.splice(0), []);
      } catch (error) {
        failed.push(what);
        console.log(`FAIL  ${what}\n${error.stack ?? error}`);
      }
      await screenshot(page, what);
    }
    console.log(`ok    ${Object.keys(screens).length} screens, ${look}`);
    await close();
  }
  return failed;
}

/** A run whose attempts end everywhere in its time and take as long as can be. */
export const longRun = (run) => ({
  "a long run fits a phone": async (page) => {
    const whole = (23 * 60 + 59) * 60_000;
    await page.route(`**/api/v1/runs/${run}/gantt`, async (route) => {
      const response = await route.fetch();
      const chart = await response.json();
      const bars = Array.from({ length: 101 }, (_, at) => ({ ...chart.bars[0], from_ms: 0, to_ms: (whole * at) / 100 }));
      await route.fulfill({ response, json: { ...chart, bars } });
    });
    await page.goto(`/runs/${run}?tab=time`);
    await page.getByText("23 h 59 min").last().waitFor();
    await assertAccessible(page, "a long run on a phone");
    await screenshot(page, "gantt of a long run phone");
  },
});
