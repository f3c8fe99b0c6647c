/** Public names of enrolment: keys and folders of a system, for the fleet, tests and the command line. */
export { type CkksPlan, ckksPlan } from "./ckks-plan.ts";
export { enrol, type EnrolOptions, type EnrolResult } from "./enrol.ts";
export { EnrolmentError } from "./files.ts";
export { meterList } from "./meter-list.ts";
export type { MeterPlace } from "./new-meters.ts";
export { assertSystem, type SystemSettings } from "./system.ts";
