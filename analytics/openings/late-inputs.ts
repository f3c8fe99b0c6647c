/** Ciphertexts that came, by the window and series that they are of: jobs ask for these. */

export interface SentCiphertext {
  readonly meter: string;
  readonly series: string;
  readonly firstSlot: number;
}

export interface SentWindow {
  readonly series: string;
  readonly firstSlot: number;
  readonly meters: string[];
}

export function byWindow(items: readonly SentCiphertext[]): SentWindow[] {
  const windows = new Map<string, SentWindow>();
  for (const { meter, series, firstSlot } of items) {
    const key = `${firstSlot} ${series}`;
    const window = windows.get(key);
    if (window === undefined) windows.set(key, { series, firstSlot, meters: [meter] });
    else window.meters.push(meter);
  }
  return [...windows.values()];
}
