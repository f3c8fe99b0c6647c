/** What most fields of the configuration are made of: each with range, default, unit and what it is for. */
import { z } from "zod";

/** Meta data of a field: `unit` is printed beside its value in the reference. */
export interface FieldNotes {
  readonly unit?: string;
  /** What is allowed, in words, for values that are lists or maps. */
  readonly allowed?: string;
}

export const whole = (min: number, max: number, byDefault: number, description: string, notes: FieldNotes = {}) =>
  z
    .int()
    .min(min)
    .max(max)
    .default(byDefault)
    .meta({ description, ...notes });
export const seconds = (min: number, max: number, byDefault: number, description: string) =>
  z.number().min(min).max(max).default(byDefault).meta({ description, unit: "s" });
export const flag = (byDefault: boolean, description: string) => z.boolean().default(byDefault).meta({ description });
export const text = (byDefault: string, description: string) =>
  z.string().min(1).default(byDefault).meta({ description });
export const port = (byDefault: number, description: string) =>
  whole(0, 65_535, byDefault, `${description}; 0 lets the system choose a free one`);
