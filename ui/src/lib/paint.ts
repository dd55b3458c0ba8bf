// A graph of thousands on a canvas: only what is on the screen, and of that only what can be seen
// at its size.

import { nameOf } from "./names";
import { look, type Tone } from "./states";
import type { GraphLayout } from "./types";
import type { Size, View } from "./view";

/** Below it names cannot be read, so a node is a mark. */
const NAMES_FROM = 0.42;
/** Below it edges are straight: bends cannot be seen. */
const BENDS_FROM = 0.3;
/** While the graph moves, no more edges than these are drawn. */
const MOVING_EDGES_MAX = 3000;
/** The smallest mark, in pixels of the screen. */
const MARK_MIN = 2.5;

export interface Scene {
  graph: GraphLayout;
  view: View;
  size: Size;
  stateOf: (node: number) => string;
  matching: Set<number> | null;
  at: number;
  moving: boolean;
}

/** The colours of the page's theme, by what they are for. */
export type Colours = Record<Tone | "text" | "muted" | "line" | "node" | "accent", string>;

export function colours(element: Element): Colours {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    ok: of("--ok"), fail: of("--fail"), warn: of("--warn"), live: of("--accent"), idle: of("--idle"),
    text: of("--text"), muted: of("--text-3"), line: of("--line-strong"), node: of("--bg-raised"), accent: of("--accent"),
  };
}

export function paint(context: CanvasRenderingContext2D, scene: Scene, colour: Colours): void {
  const { view, size } = scene;
  context.clearRect(0, 0, size.width, size.height);
  context.save();
  context.translate(view.x, view.y);
  context.scale(view.scale, view.scale);
  edges(context, scene, colour);
  nodes(context, scene, colour);
  context.restore();
}

function edges(context: CanvasRenderingContext2D, scene: Scene, colour: Colours): void {
  const { graph, view, at } = scene;
  const seen = window(scene);
  const near: number[] = [];
  let drawn = 0;
  context.beginPath();
  for (let edge = 0; edge < graph.edges.from.length; edge += 1) {
    const [from, to] = [graph.edges.from[edge] ?? 0, graph.edges.to[edge] ?? 0];
    if (from === at || to === at) near.push(edge);
    if (scene.moving && drawn > MOVING_EDGES_MAX) continue;
    if (touches(scene, seen, from, to)) {
      line(context, scene, from, to);
      drawn += 1;
    }
  }
  context.strokeStyle = colour.line;
  context.lineWidth = 1.1 / Math.max(view.scale, 0.25);
  context.globalAlpha = drawn > MOVING_EDGES_MAX ? 0.16 : 0.5;
  context.stroke();
  context.globalAlpha = 1;
  context.beginPath();
  for (const edge of near) line(context, scene, graph.edges.from[edge] ?? 0, graph.edges.to[edge] ?? 0);
  context.strokeStyle = colour.accent;
  context.lineWidth = 2 / Math.max(view.scale, 0.25);
  context.stroke();
}

function nodes(context: CanvasRenderingContext2D, scene: Scene, colour: Colours): void {
  const { graph, view, at, matching } = scene;
  const seen = window(scene);
  const [width, height] = [graph.node_width, graph.node_height];
  const named = view.scale >= NAMES_FROM;
  context.font = "12px Inter, system-ui, sans-serif";
  context.textBaseline = "middle";
  for (let node = 0; node < graph.nodes.x.length; node += 1) {
    const [x, y] = [graph.nodes.x[node] ?? 0, graph.nodes.y[node] ?? 0];
    if (x > seen.right || y > seen.bottom || x + width < seen.left || y + height < seen.top) continue;
    const tone = look(scene.stateOf(node)).tone;
    context.globalAlpha = matching && !matching.has(node) ? 0.2 : 1;
    if (named) card(context, scene, colour, node, x, y, tone);
    else mark(context, scene, colour, x, y, tone, node === at);
  }
  context.globalAlpha = 1;
}

/** A node with its name; what is wrong has a thick edge and a sign as well as a colour. */
function card(context: CanvasRenderingContext2D, { graph, at }: Scene, colour: Colours, node: number, x: number, y: number, tone: Tone): void {
  const wrong = tone === "fail" || tone === "warn";
  context.fillStyle = colour.node;
  context.strokeStyle = node === at ? colour.accent : wrong || tone === "live" ? colour[tone] : colour.line;
  context.lineWidth = node === at ? 3 : wrong ? 2 : 1;
  context.beginPath();
  context.roundRect(x, y, graph.node_width, graph.node_height, 7);
  context.fill();
  context.stroke();
  context.fillStyle = colour[tone];
  context.fillText({ ok: "✓", fail: "✕", warn: "!", live: "▸", idle: "○" }[tone], x + 11, y + graph.node_height / 2);
  context.fillStyle = colour.text;
  context.fillText(clipped(nameOf(graph.nodes.key[node] ?? "")), x + 28, y + graph.node_height / 2);
}

/** A node from afar: what is wrong is higher than the rest. */
function mark(context: CanvasRenderingContext2D, { graph, view }: Scene, colour: Colours, x: number, y: number, tone: Tone, chosen: boolean): void {
  const wrong = tone === "fail" || tone === "warn" || tone === "live";
  const least = MARK_MIN / view.scale;
  const width = Math.max(graph.node_width, least);
  const height = Math.max(graph.node_height, least) * (wrong ? 1.5 : 0.8);
  context.fillStyle = tone === "ok" ? colour.muted : colour[tone];
  context.fillRect(x, y + (graph.node_height - height) / 2, width, height);
  if (!chosen) return;
  context.strokeStyle = colour.accent;
  context.lineWidth = 3 / view.scale;
  context.strokeRect(x - least, y - least, width + 2 * least, graph.node_height + 2 * least);
}

function line(context: CanvasRenderingContext2D, { graph, view }: Scene, from: number, to: number): void {
  const { x, y } = graph.nodes;
  const [x1, y1] = [(x[from] ?? 0) + graph.node_width, (y[from] ?? 0) + graph.node_height / 2];
  const [x2, y2] = [x[to] ?? 0, (y[to] ?? 0) + graph.node_height / 2];
  context.moveTo(x1, y1);
  if (view.scale < BENDS_FROM) context.lineTo(x2, y2);
  else {
    const bend = Math.max(24, Math.abs(x2 - x1) / 2);
    context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
  }
}

interface Window {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The part of the layout that is on the screen. */
function window({ view, size }: Scene): Window {
  return {
    left: -view.x / view.scale,
    top: -view.y / view.scale,
    right: (size.width - view.x) / view.scale,
    bottom: (size.height - view.y) / view.scale,
  };
}

function touches({ graph }: Scene, seen: Window, from: number, to: number): boolean {
  const { x, y } = graph.nodes;
  const [x1, x2, y1, y2] = [x[from] ?? 0, x[to] ?? 0, y[from] ?? 0, y[to] ?? 0];
  return Math.min(x1, x2) <= seen.right && Math.max(x1, x2) + graph.node_width >= seen.left && Math.min(y1, y2) <= seen.bottom && Math.max(y1, y2) + graph.node_height >= seen.top;
}

function clipped(name: string): string {
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}
