/** Where things of the grid are on the screen: pure geometry. Places are 0 to 1, the screen is in CSS pixels. */

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** What part of the grid is shown: `scale` 1 fits all of it. */
export interface View {
  readonly scale: number;
  /** Pixels by which it is shifted. */
  readonly dx: number;
  readonly dy: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const WHOLE: View = { scale: 1, dx: 0, dy: 0 };
const MOST_SCALE = 24;
const MARGIN = 44;

export function toScreen({ x, y }: Place, { width, height }: Size, { scale, dx, dy }: View): Place {
  const inner = { width: width - 2 * MARGIN, height: height - 2 * MARGIN };
  return { x: (MARGIN + x * inner.width) * scale + dx, y: (MARGIN + y * inner.height) * scale + dy };
}

/** The view after zooming by a factor with one point of the screen staying where it is. */
export function zoomed(view: View, factor: number, at: Place): View {
  const scale = Math.min(MOST_SCALE, Math.max(1, view.scale * factor));
  const by = scale / view.scale;
  return { scale, dx: at.x - (at.x - view.dx) * by, dy: at.y - (at.y - view.dy) * by };
}

/** Not so far aside that nothing is left to see. */
export function kept({ scale, dx, dy }: View, { width, height }: Size): View {
  const within = (shift: number, size: number): number => Math.min(0, Math.max(size - size * scale, shift));
  return { scale, dx: within(dx, width), dy: within(dy, height) };
}

/** The index of the nearest of `points` to `at`, within `reach` pixels; -1 for none. */
export function nearest(points: readonly Place[], at: Place, reach: number): number {
  let best = -1;
  let least = reach * reach;
  for (const [i, { x, y }] of points.entries()) {
    const distance = (x - at.x) ** 2 + (y - at.y) ** 2;
    if (distance <= least) [best, least] = [i, distance];
  }
  return best;
}

/** How far a point is from the straight piece between two others. */
export function distanceTo(at: Place, a: Place, b: Place): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const square = dx * dx + dy * dy;
  const along = square === 0 ? 0 : Math.min(1, Math.max(0, ((at.x - a.x) * dx + (at.y - a.y) * dy) / square));
  return Math.hypot(at.x - (a.x + along * dx), at.y - (a.y + along * dy));
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

const HEADINGS: Record<Direction, Place> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

export function isDirection(key: string): key is Direction {
  return key in HEADINGS;
}

/**
 * The point that one means by pressing an arrow key: near, and not far off to the side. -1 where there is none that way.
 */
export function towards(points: readonly Place[], from: number, direction: Direction): number {
  const start = points[from];
  if (start === undefined) return points.length === 0 ? -1 : 0;
  const heading = HEADINGS[direction];
  let best = -1;
  let least = Infinity;
  for (const [i, point] of points.entries()) {
    const [dx, dy] = [point.x - start.x, point.y - start.y];
    const ahead = dx * heading.x + dy * heading.y;
    if (i === from || ahead <= 1e-9) continue;
    const aside = Math.abs(dx * heading.y) + Math.abs(dy * heading.x);
    const cost = ahead + 2.5 * aside;
    if (cost < least) [best, least] = [i, cost];
  }
  return best;
}

export interface Label {
  /** Where its lower edge has its middle. */
  readonly at: Place;
  readonly width: number;
  readonly height: number;
}

/**
 * Indices of the labels that can be read: each that does not run into one before it, or into one of `kept`, which come first whatever
 * they run into. Space between them is the caller's: it is part of their width.
 */
export function readable(labels: readonly Label[], kept: readonly number[] = []): number[] {
  const shown: number[] = [];
  const order = [...new Set([...kept.filter((i) => i in labels), ...labels.keys()])];
  for (const i of order) {
    const { at, width, height } = labels[i]!;
    const collides = shown.some((other) => {
      const own = labels[other]!;
      return (
        Math.abs(own.at.x - at.x) < (own.width + width) / 2 && at.y - height < own.at.y && own.at.y - own.height < at.y
      );
    });
    if (!collides || kept.includes(i)) shown.push(i);
  }
  return shown.sort((a, b) => a - b);
}

/** Along a branch, the middle first: a sign at its middle may lie upon a bus that the branch passes. */
const ALONG = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74];

/** Where on the straight piece from `a` to `b` a sign has room: nearest to the middle, `apart` from all others; else the freest. */
export function freePlace(a: Place, b: Place, others: readonly Place[], apart: number): Place {
  let best = a;
  let most = -1;
  for (const along of ALONG) {
    const place = { x: a.x + (b.x - a.x) * along, y: a.y + (b.y - a.y) * along };
    const room = Math.min(...others.map(({ x, y }) => Math.hypot(x - place.x, y - place.y)));
    if (room >= apart) return place;
    if (room > most) [best, most] = [place, room];
  }
  return best;
}
