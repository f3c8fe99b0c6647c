/**
 * The map of the grid on a canvas: pans, zooms, and lets one choose a bus or a branch by pointer or by keyboard. What is
 * chosen is said in words beside it, so that nothing is in the drawing alone.
 */
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import { Button } from "../ui/parts.tsx";
import { useIsDark } from "../ui/theme.ts";
import { inkOfPage } from "./ink.ts";
import { paintFlow, paintGrid, type Picture, signsOf } from "./paint.ts";
import type { Scene } from "./scene.ts";
import {
  distanceTo,
  isDirection,
  kept,
  nearest,
  type Place,
  toScreen,
  towards,
  type View,
  WHOLE,
  zoomed,
} from "./view.ts";

export type Selection = { readonly kind: "bus" | "branch"; readonly index: number } | undefined;

export interface GridMapProps {
  readonly scene: Scene;
  readonly selection: Selection;
  readonly onSelect: (selection: Selection) => void;
  /** What is chosen, in words. */
  readonly description: string;
  readonly height: number;
}

const REACH = 18;
const STEP = 1.5;
const CLICK = 6;

export function GridMap({ scene, selection, onSelect, description, height }: GridMapProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const still = useRef<HTMLCanvasElement>(null);
  const moving = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [view, setView] = useState<View>(WHOLE);
  const dark = useIsDark();
  const help = useId();
  const size = useMemo(() => ({ width, height }), [width, height]);
  const places = useMemo(() => scene.buses.map((bus) => toScreen(bus, size, view)), [scene, size, view]);
  const picture = useMemo<Picture>(() => {
    const index = (kind: "bus" | "branch"): number => (selection?.kind === kind ? selection.index : -1);
    const signs = signsOf(scene, places, view.scale);
    return { scene, places, scale: view.scale, selectedBus: index("bus"), selectedBranch: index("branch"), signs };
  }, [scene, places, view.scale, selection]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    // Added by hand: React's own listener is passive, and the page would scroll along.
    const wheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== element) return;
      event.preventDefault();
      const { left, top } = element.getBoundingClientRect();
      const at = { x: event.clientX - left, y: event.clientY - top };
      setView((before) => kept(zoomed(before, Math.exp(-event.deltaY / 400), at), element.getBoundingClientRect()));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, []);

  useEffect(() => {
    const pen = penOf(still.current, size);
    if (pen !== undefined) paintGrid(pen, picture, inkOfPage());
  }, [picture, size, dark]);

  useEffect(() => {
    const canvas = moving.current;
    const ink = inkOfPage();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      const pen = penOf(canvas, size);
      if (pen !== undefined) paintFlow(pen, picture, ink, 0);
      return undefined;
    }
    const pen = penOf(canvas, size);
    if (pen === undefined) return undefined;
    let frame = 0;
    const paint = (milliseconds: number): void => {
      pen.clearRect(0, 0, size.width, size.height);
      paintFlow(pen, picture, ink, milliseconds / 1_000);
      frame = requestAnimationFrame(paint);
    };
    frame = requestAnimationFrame(paint);
    return () => cancelAnimationFrame(frame);
  }, [picture, size, dark]);

  const zoomBy = (factor: number): void =>
    setView((before) => kept(zoomed(before, factor, { x: width / 2, y: height / 2 }), size));

  const choose = (at: Place): void => {
    const bus = nearest(places, at, REACH);
    if (bus >= 0) {
      onSelect({ kind: "bus", index: bus });
      return;
    }
    const distances = scene.branches.map(({ from, to }) => distanceTo(at, places[from]!, places[to]!));
    const least = Math.min(...distances);
    onSelect(least <= REACH / 2 ? { kind: "branch", index: distances.indexOf(least) } : undefined);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (isDirection(event.key)) {
      const from = selection?.kind === "bus" ? selection.index : -1;
      const next = towards(scene.buses, from, event.key);
      if (next >= 0) onSelect({ kind: "bus", index: next });
    } else if (event.key === "+" || event.key === "=") zoomBy(STEP);
    else if (event.key === "-") zoomBy(1 / STEP);
    else if (event.key === "0") setView(WHOLE);
    else if (event.key === "Escape") onSelect(undefined);
    else return;
    event.preventDefault();
  };

  const pointers = usePointers({ view, setView, size, choose });

  return (
    <div className="map">
      <div
        className="map-box"
        ref={box}
        tabIndex={0}
        role="application"
        aria-label="Map of the grid"
        aria-describedby={help}
        onKeyDown={onKeyDown}
        {...pointers}
      >
        <canvas ref={still} />
        <canvas ref={moving} />
      </div>
      <div className="map-buttons">
        <Button size="square" label="Closer" onClick={() => zoomBy(STEP)}>
          +
        </Button>
        <Button size="square" label="Further away" onClick={() => zoomBy(1 / STEP)}>
          −
        </Button>
        <Button size="square" label="All of it" onClick={() => setView(WHOLE)}>
          ⤢
        </Button>
      </div>
      <p id={help} className="hidden-visually">
        Arrow keys go from bus to bus, plus and minus zoom, zero shows all of it, escape chooses nothing.
      </p>
      <p className="hidden-visually" aria-live="polite">
        {description}
      </p>
    </div>
  );
}

/** A canvas as sharp as the screen, cleared. */
function penOf(canvas: HTMLCanvasElement | null, { width, height }: { width: number; height: number }) {
  const pen = canvas?.getContext("2d");
  if (canvas === null || pen === null || pen === undefined || width === 0) return undefined;
  const ratio = Math.min(2, devicePixelRatio);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

interface PointersOptions {
  readonly view: View;
  readonly setView: (change: (before: View) => View) => void;
  readonly size: { readonly width: number; readonly height: number };
  readonly choose: (at: Place) => void;
}

/** One finger or the mouse drags (where there is something to drag), two fingers zoom, a short press chooses. */
function usePointers({ view, setView, size, choose }: PointersOptions) {
  const down = useRef(new Map<number, Place>());
  const moved = useRef(0);
  const placeOf = (event: PointerEvent): Place => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const end = (event: PointerEvent): void => {
    if (down.current.delete(event.pointerId) && event.type === "pointerup" && moved.current < CLICK) {
      choose(placeOf(event));
    }
  };
  return {
    onPointerDown: (event: PointerEvent): void => {
      if (down.current.size === 0) moved.current = 0;
      down.current.set(event.pointerId, placeOf(event));
      if (view.scale > 1) event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent): void => {
      const before = down.current.get(event.pointerId);
      if (before === undefined) return;
      const now = placeOf(event);
      const [other] = [...down.current].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      down.current.set(event.pointerId, now);
      moved.current += Math.hypot(now.x - before.x, now.y - before.y);
      setView((old) => {
        if (other === undefined)
          return kept({ ...old, dx: old.dx + now.x - before.x, dy: old.dy + now.y - before.y }, size);
        const apart = (place: Place): number => Math.max(1, Math.hypot(place.x - other.x, place.y - other.y));
        return kept(zoomed(old, apart(now) / apart(before), other), size);
      });
    },
    onPointerUp: end,
    onPointerCancel: end,
    onPointerLeave: end,
    style: { height: size.height, touchAction: view.scale > 1 ? ("none" as const) : ("pan-y" as const) },
  };
}
