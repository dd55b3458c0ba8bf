// Which screen an address shows.

import type { Component } from "svelte";
import { match } from "../lib/router.svelte";
import Asset from "./Asset.svelte";
import Assets from "./Assets.svelte";
import Backfill from "./Backfill.svelte";
import Backfills from "./Backfills.svelte";
import Deployments from "./Deployments.svelte";
import Graph from "./Graph.svelte";
import Grid from "./Grid.svelte";
import Model from "./Model.svelte";
import Models from "./Models.svelte";
import Notifications from "./Notifications.svelte";
import Nowhere from "./Nowhere.svelte";
import Overview from "./Overview.svelte";
import Plan from "./Plan.svelte";
import Release from "./Release.svelte";
import Releases from "./Releases.svelte";
import Run from "./Run.svelte";
import Runs from "./Runs.svelte";
import Schedule from "./Schedule.svelte";
import Schedules from "./Schedules.svelte";
import Settings from "./Settings.svelte";
import Sources from "./Sources.svelte";
import Sql from "./Sql.svelte";

/** What stands in the menu; the keys are pressed one after the other. */
export const PLACES = [
  { path: "/", title: "Overview", keys: "g o" },
  { path: "/assets", title: "Assets", keys: "g a" },
  { path: "/graph", title: "Graph", keys: "g g" },
  { path: "/runs", title: "Runs", keys: "g r" },
  { path: "/grid", title: "Grid", keys: "g i" },
  { path: "/plan", title: "Plan", keys: "g p" },
  { path: "/schedules", title: "Schedules", keys: "g s" },
  { path: "/backfills", title: "Backfills", keys: "g b" },
  { path: "/notifications", title: "Notifications", keys: "g n" },
  { path: "/sources", title: "Sources", keys: "g u" },
  { path: "/models", title: "Models", keys: "g m" },
  { path: "/deployments", title: "Deployments", keys: "g d" },
  { path: "/releases", title: "Releases", keys: "g e" },
  { path: "/sql", title: "SQL", keys: "g q" },
  { path: "/settings", title: "Settings", keys: "g t" },
];

/** Every screen takes the parameters of its pattern as text. */
type Screen = Component<any>;

const SCREENS: [pattern: string, place: string, component: Screen][] = [
  ["/", "/", Overview],
  ["/assets", "/assets", Assets],
  ["/assets/:key", "/assets", Asset],
  ["/graph", "/graph", Graph],
  ["/runs", "/runs", Runs],
  ["/runs/:run", "/runs", Run],
  ["/grid", "/grid", Grid],
  ["/plan", "/plan", Plan],
  ["/schedules", "/schedules", Schedules],
  ["/schedules/:schedule", "/schedules", Schedule],
  ["/backfills", "/backfills", Backfills],
  ["/backfills/:backfill", "/backfills", Backfill],
  ["/notifications", "/notifications", Notifications],
  ["/sources", "/sources", Sources],
  ["/models", "/models", Models],
  ["/models/:model", "/models", Model],
  ["/deployments", "/deployments", Deployments],
  ["/releases", "/releases", Releases],
  ["/releases/:release", "/releases", Release],
  ["/sql", "/sql", Sql],
  ["/settings", "/settings", Settings],
];

/** The screen of a path, its parameters, and the entry of the menu to which it belongs. */
export function screenAt(path: string): { component: Screen; params: Record<string, string>; place: string } {
  for (const [pattern, place, component] of SCREENS) {
    const params = match(pattern, path);
    if (params) return { component, params, place };
  }
  return { component: Nowhere, params: {}, place: "" };
}
