// Releases, decided in the browser: release 2 waits for the word of somebody else than ada.

import assert from "node:assert/strict";

const dialog = (page) => page.getByRole("dialog");
const heading = (page, name) => page.getByRole("heading", { name, level: 1, exact: true }).waitFor();
const row = (page, name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });

/** The tests, in their order: each goes on from what those before have done. */
export const releaseTasks = {
  "see what a release that waits would change, and agree": async (page) => {
    await page.goto("/");
    const waiting = page.getByRole("article").filter({ hasText: "Release 2" });
    await waiting.getByText("0 of 1 approvals").waitFor();
    await waiting.getByText("proposed by ada").waitFor();
    await waiting.getByRole("link", { name: "See what differs" }).click();
    await heading(page, "Release 2");
    const assets = page.getByRole("table", { name: "Assets that differ" });
    const revenue = assets.getByRole("row").filter({ hasText: "main.revenue" });
    await revenue.getByText("Changed").waitFor();
    await revenue.getByText("Breaking").waitFor();
    await page.getByRole("table", { name: "Files that differ" }).getByText("models/revenue.sql").waitFor();
    await page.getByRole("table", { name: "What else differs" }).getByText("weekly").waitFor();
    await page.getByRole("tab", { name: "What will be due" }).click();
    await page.getByText(/steps? of \d+ would be due by these files now/).waitFor();
    await page.getByRole("table", { name: "Plan" }).getByText("main.revenue").first().waitFor();
    await page.getByRole("button", { name: "Approve" }).click();
    await dialog(page).getByText("millstream release approve 2 --env prod").waitFor();
    await dialog(page).getByRole("button", { name: "Approve" }).click();
    await page.getByText("prod runs by release 2").waitFor();
    await page.getByRole("status").getByText("Current").first().waitFor();
    await page.goto("/");
    await page.getByText("Needs attention").waitFor();
    await page.getByText("proposed by ada").waitFor({ state: "detached" });
  },

  "find a release by keyboard and go back to it, which somebody else has to agree to": async (page) => {
    await page.goto("/releases");
    await row(page, "1").getByText("Superseded").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("state:superseded");
    await row(page, "2").waitFor({ state: "detached" });
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await heading(page, "Release 1");
    await page.getByRole("button", { name: "Roll back to this one" }).click();
    await dialog(page).getByLabel(/^Why/).fill("the report is wrong");
    await dialog(page).getByText("millstream release rollback 1 --message 'the report is wrong' --env prod").waitFor();
    await dialog(page).getByRole("button", { name: "Roll back" }).click();
    await heading(page, "Release 3");
    await page.getByRole("status").getByText("Waits for approval", { exact: true }).waitFor();
    await page.getByText("back to release 1: the report is wrong").waitFor();
    assert.ok(await page.getByRole("button", { name: "Approve" }).isDisabled(), "nobody approves their own");
  },

  "reject needs a reason": async (page) => {
    await page.goto("/releases/1");
    await page.getByRole("button", { name: "Roll back to this one" }).click();
    await dialog(page).getByRole("button", { name: "Roll back" }).click();
    await heading(page, "Release 4");
    await page.getByRole("button", { name: "Reject" }).click();
    assert.ok(await dialog(page).getByRole("button", { name: "Reject" }).isDisabled());
    await dialog(page).getByLabel(/^Why/).fill("twice");
    await dialog(page).getByText("millstream release reject 4 --reason twice --env prod").waitFor();
    await dialog(page).getByRole("button", { name: "Reject" }).click();
    await page.getByRole("status").getByText("Rejected", { exact: true }).waitFor();
    await page.locator("dd", { hasText: "twice" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
  },
};
