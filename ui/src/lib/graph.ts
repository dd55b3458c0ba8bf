// Questions about the asset graph, answered from its layout.

import { kindOf } from "./names";
import { plural } from "./format";
import type { GraphLayout } from "./types";

/** An edge through a topic or an operational table: followed once per run, never to a circle. */
const FEEDBACK = "feedback";

/** For each node, those made from it; feedback left out. */
export function downstream(layout: GraphLayout): number[][] {
  const next: number[][] = layout.nodes.key.map(() => []);
  layout.edges.from.forEach((from, edge) => {
    const to = layout.edges.to[edge];
    if (to !== undefined && layout.edges.edge[edge] !== FEEDBACK) next[from]?.push(to);
  });
  return next;
}

/** All that is made from an asset, near and far. */
export function reached(layout: GraphLayout, next: number[][], key: string): string[] {
  const start = layout.nodes.key.indexOf(key);
  if (start < 0) return [];
  const seen = new Set([start]);
  for (const node of seen) for (const other of next[node] ?? []) seen.add(other);
  seen.delete(start);
  return [...seen].flatMap((node) => layout.nodes.key[node] ?? []);
}

/** `4 tables, 1 model`; the blast radius in words. */
export function inWords(keys: string[]): string {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(kindOf(key), (counts.get(kindOf(key)) ?? 0) + 1);
  const words = [...counts].sort((a, b) => b[1] - a[1]).map(([kind, times]) => kind === "operational" ? plural(times, "operational table") : plural(times, kind));
  return words.join(", ") || "nothing else";
}
