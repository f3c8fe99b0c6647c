/** Paints a grid onto a canvas: what stays (lines, buses), and above it what moves (the direction of power). */
import type { Scene, SceneBranch, SceneBus } from "./scene.ts";
import { freePlace, type Place, readable } from "./view.ts";

/** Colours of the page, worked out. */
export interface Ink {
  readonly page: string;
  readonly surface: string;
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly accent: string;
  readonly good: string;
  readonly warn: string;
  readonly bad: string;
  readonly low: string;
  readonly high: string;
  readonly path: string;
  readonly font: string;
}

export interface Picture {
  readonly scene: Scene;
  /** Of each bus, in pixels. */
  readonly places: readonly Place[];
  readonly scale: number;
  readonly selectedBus: number;
  readonly selectedBranch: number;
  /** Where switches that are to be operated have their signs. */
  readonly signs: readonly Sign[];
}

export interface Sign extends Place {
  readonly what: "opens" | "closes";
  /** The branch's number. */
  readonly id: number;
}

const MANY = 150;

function busRadius(buses: number, scale: number): number {
  const base = buses > 600 ? 2.4 : buses > MANY ? 3.4 : buses > 60 ? 6 : 8;
  return Math.min(11, base * Math.sqrt(scale));
}

function branchColour({ level }: SceneBranch, ink: Ink): string {
  if (level === "over" || level === "broken") return ink.bad;
  if (level === "high") return ink.warn;
  return level === "open" ? ink.line : ink.muted;
}

function busColour({ level }: SceneBus, ink: Ink): string {
  switch (level) {
    case "low":
    case "slightly-low":
      return ink.low;
    case "high":
    case "slightly-high":
      return ink.high;
    case "none":
      return ink.surface;
    default:
      return ink.good;
  }
}

function piece(pen: CanvasRenderingContext2D, a: Place, b: Place): void {
  pen.moveTo(a.x, a.y);
  pen.lineTo(b.x, b.y);
}

/** Everything that does not move. */
export function paintGrid(pen: CanvasRenderingContext2D, picture: Picture, ink: Ink): void {
  const { scene, places, scale } = picture;
  const thin = scene.buses.length > MANY;
  pen.lineCap = "round";
  for (const branch of scene.branches) if (branch.onPath) halo(pen, picture, branch, ink.path, thin ? 5 : 11);
  const selected = scene.branches[picture.selectedBranch];
  if (selected !== undefined) halo(pen, picture, selected, ink.accent, thin ? 5 : 9);
  // One stroke for all lines that look alike: a grid of a thousand lines has a handful of looks.
  const looks = new Map<string, SceneBranch[]>();
  for (const branch of scene.branches) {
    const width = widthOf(branch, thin);
    const look = `${branchColour(branch, ink)}|${width}|${branch.closed ? "" : "dashed"}`;
    const alike = looks.get(look);
    if (alike === undefined) looks.set(look, [branch]);
    else alike.push(branch);
  }
  for (const [look, alike] of looks) {
    const [colour = "", width = "1", dashed = ""] = look.split("|");
    pen.strokeStyle = colour;
    pen.lineWidth = Number(width);
    pen.setLineDash(dashed === "" ? [] : [4, 5]);
    pen.beginPath();
    for (const { from, to } of alike) piece(pen, places[from]!, places[to]!);
    pen.stroke();
  }
  pen.setLineDash([]);
  for (const branch of scene.branches) {
    if (branch.kind === "transformer" && !thin) transformer(pen, middle(picture, branch), ink);
  }
  const radius = busRadius(scene.buses.length, scale);
  for (const [i, bus] of scene.buses.entries()) paintBus(pen, bus, places[i]!, radius, ink);
  // Above the buses: what is proposed is what one looks for.
  for (const sign of picture.signs) change(pen, sign, ink, signRadius(scene));
  const chosen = places[picture.selectedBus];
  if (chosen !== undefined) {
    pen.strokeStyle = ink.accent;
    pen.lineWidth = 3;
    pen.beginPath();
    pen.arc(chosen.x, chosen.y, radius + 5, 0, 2 * Math.PI);
    pen.stroke();
  }
  if (radius >= 6) labels(pen, picture, radius, ink);
}

function widthOf({ closed, loadingPercent }: SceneBranch, thin: boolean): number {
  const most = thin ? 2.5 : 5;
  if (!closed || Number.isNaN(loadingPercent)) return thin ? 1 : 1.5;
  return Math.round(2 * (1 + Math.min(1, loadingPercent / 100) * (most - 1))) / 2;
}

function halo(
  pen: CanvasRenderingContext2D,
  { places }: Picture,
  { from, to }: SceneBranch,
  colour: string,
  width: number,
): void {
  pen.globalAlpha = 0.35;
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  piece(pen, places[from]!, places[to]!);
  pen.stroke();
  pen.globalAlpha = 1;
}

function middle({ places }: Picture, { from, to }: SceneBranch): Place {
  const [a, b] = [places[from]!, places[to]!];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** Two rings that overlap, as on plans. */
function transformer(pen: CanvasRenderingContext2D, at: Place, ink: Ink): void {
  pen.lineWidth = 1.5;
  pen.strokeStyle = ink.text;
  pen.fillStyle = ink.surface;
  for (const dx of [-3.5, 3.5]) {
    pen.beginPath();
    pen.arc(at.x + dx, at.y, 5.5, 0, 2 * Math.PI);
    pen.fill();
    pen.stroke();
  }
}

function signRadius({ buses }: Scene): number {
  return buses.length > MANY ? 6 : 9;
}

/** A sign for each switch that is to be operated, on its branch and beside the buses. */
export function signsOf(scene: Scene, places: readonly Place[], scale: number): readonly Sign[] {
  const apart = signRadius(scene) + busRadius(scene.buses.length, scale) + 2;
  const taken = [...places];
  return scene.branches.flatMap(({ id, from, to, change: what }): readonly Sign[] => {
    if (what === undefined) return [];
    const at = freePlace(places[from]!, places[to]!, taken, apart);
    taken.push(at);
    return [{ ...at, what, id }];
  });
}

/**
 * A switch that is to be operated, as plans have it: a lever off its contact where it opens, a straight one where it closes. A box, since
 * buses are round; with the number that the proposal names.
 */
function change(pen: CanvasRenderingContext2D, { x, y, what, id }: Sign, ink: Ink, size: number): void {
  pen.fillStyle = ink.surface;
  pen.strokeStyle = ink.accent;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.roundRect(x - size, y - size, 2 * size, 2 * size, 3);
  pen.fill();
  pen.stroke();
  const arm = size * 0.6;
  pen.beginPath();
  piece(pen, { x: x - arm, y }, what === "opens" ? { x: x + arm * 0.6, y: y - arm } : { x: x + arm, y });
  if (what === "opens") piece(pen, { x: x + arm * 0.7, y }, { x: x + arm, y });
  pen.stroke();
  pen.font = `650 11px ${ink.font}`;
  // Below: beside it the next bus may be, and above it that one's number.
  pen.textAlign = "center";
  pen.textBaseline = "top";
  pen.lineWidth = 3;
  pen.strokeStyle = ink.surface;
  pen.fillStyle = ink.accent;
  pen.strokeText(String(id), x, y + size + 4);
  pen.fillText(String(id), x, y + size + 4);
}

/** A square supplies, a diamond generates, a disc takes; a ring around it is outside of its limits. */
function paintBus(pen: CanvasRenderingContext2D, bus: SceneBus, { x, y }: Place, radius: number, ink: Ink): void {
  const r = bus.kind === "slack" ? radius * 1.35 : radius;
  pen.fillStyle = busColour(bus, ink);
  pen.strokeStyle = bus.level === "none" ? ink.bad : ink.surface;
  pen.lineWidth = radius > 4 ? 2 : 1;
  pen.beginPath();
  if (bus.kind === "slack") pen.rect(x - r, y - r, 2 * r, 2 * r);
  else if (bus.generator) {
    pen.moveTo(x, y - r * 1.3);
    pen.lineTo(x + r * 1.3, y);
    pen.lineTo(x, y + r * 1.3);
    pen.lineTo(x - r * 1.3, y);
    pen.closePath();
  } else pen.arc(x, y, r, 0, 2 * Math.PI);
  pen.fill();
  pen.stroke();
  if (bus.level === "low" || bus.level === "high") {
    pen.strokeStyle = busColour(bus, ink);
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(x, y, r + 3.5, 0, 2 * Math.PI);
    pen.stroke();
  }
  if (bus.level === "none" && radius > 3) {
    const arm = r * 0.5;
    pen.beginPath();
    piece(pen, { x: x - arm, y: y - arm }, { x: x + arm, y: y + arm });
    piece(pen, { x: x - arm, y: y + arm }, { x: x + arm, y: y - arm });
    pen.stroke();
  }
}

const LABEL_HEIGHT = 13;
/** Between two labels, so that their numbers are not read as one. */
const LABEL_GAP = 5;

function labels(pen: CanvasRenderingContext2D, picture: Picture, radius: number, ink: Ink): void {
  const { scene, places, selectedBus } = picture;
  pen.font = `500 11px ${ink.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "bottom";
  pen.lineWidth = 3;
  pen.strokeStyle = ink.surface;
  pen.fillStyle = ink.muted;
  // Of a large grid that one looks at closely most buses are beside the canvas.
  const seen = [...places.keys()].filter((i) => {
    const { x, y } = places[i]!;
    return x > 0 && y > 0 && x < pen.canvas.clientWidth && y < pen.canvas.clientHeight;
  });
  const all = seen.map((i) => {
    const { x, y } = places[i]!;
    const width = pen.measureText(String(scene.buses[i]!.id)).width + LABEL_GAP;
    return { at: { x, y: y - radius - 3 }, width, height: LABEL_HEIGHT };
  });
  for (const k of readable(all, [seen.indexOf(selectedBus)])) {
    const text = String(scene.buses[seen[k]!]!.id);
    const { x, y } = all[k]!.at;
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }
}

const SPACING = 46;
const ARROW = 4;

/**
 * Arrows that run along each closed branch in the direction of its power, quicker where it is loaded more. One path for
 * all of them. `seconds` is the time of the animation; a still picture has 0.
 */
export function paintFlow(pen: CanvasRenderingContext2D, picture: Picture, ink: Ink, seconds: number): void {
  const { scene, places, signs } = picture;
  const clear = signRadius(scene) + ARROW;
  const many = scene.branches.length > 2 * MANY;
  const size = many ? 2.6 : ARROW;
  pen.fillStyle = ink.text;
  pen.beginPath();
  for (const { from, to, closed, mw, loadingPercent } of scene.branches) {
    if (!closed || !(Math.abs(mw) > 1e-9)) continue;
    const [a, b] = mw > 0 ? [places[from]!, places[to]!] : [places[to]!, places[from]!];
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = Math.hypot(dx, dy);
    if (length < 14) continue;
    const [ux, uy] = [dx / length, dy / length];
    const speed = 8 + Math.min(150, loadingPercent) * 0.3;
    const count = many ? 1 : Math.max(1, Math.floor(length / SPACING));
    const gap = length / count;
    for (let i = 0; i < count; i++) {
      const along = ((((i + 0.5) * gap + seconds * speed) % length) + length) % length;
      const [x, y] = [a.x + ux * along, a.y + uy * along];
      // Behind a sign it goes on unseen.
      if (signs.some((sign) => Math.hypot(sign.x - x, sign.y - y) < clear)) continue;
      pen.moveTo(x + ux * size, y + uy * size);
      pen.lineTo(x - ux * size - uy * size * 0.8, y - uy * size + ux * size * 0.8);
      pen.lineTo(x - ux * size + uy * size * 0.8, y - uy * size - ux * size * 0.8);
      pen.closePath();
    }
  }
  pen.fill();
}
