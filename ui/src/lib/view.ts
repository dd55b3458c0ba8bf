// What of the graph is on the screen, and how large.

export interface View {
  /** Pixels of the screen where the layout's corner lies. */
  x: number;
  y: number;
  /** Pixels of the screen for one of the layout. */
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

const SCALE_MIN = 0.01;
const SCALE_MAX = 2.5;
/** Room left around the whole, in pixels. */
const EDGE = 24;

/** The whole layout, as large as fits but not larger than life. */
export function fitted(layout: Size, screen: Size): View {
  const room = { width: screen.width - 2 * EDGE, height: screen.height - 2 * EDGE };
  const scale = limited(Math.min(room.width / Math.max(1, layout.width), room.height / Math.max(1, layout.height), 1));
  return {
    x: (screen.width - layout.width * scale) / 2,
    y: (screen.height - layout.height * scale) / 2,
    scale,
  };
}

/** Larger or smaller around a point of the screen, which stays where it is. */
export function zoomed(view: View, factor: number, x: number, y: number): View {
  const scale = limited(view.scale * factor);
  const by = scale / view.scale;
  return { x: x - (x - view.x) * by, y: y - (y - view.y) * by, scale };
}

/** A place of the layout in the middle of the screen, large enough to be read. */
export function centered(view: View, screen: Size, x: number, y: number, scale = Math.max(view.scale, 0.8)): View {
  return { x: screen.width / 2 - x * scale, y: screen.height / 2 - y * scale, scale };
}

function limited(scale: number): number {
  return Math.min(SCALE_MAX, Math.max(SCALE_MIN, scale));
}
