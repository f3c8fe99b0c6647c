/** Public names of the constrained device; every figure is modelled. */
export type { Cipher, DeviceBudget, RadioBudget } from "./budget.ts";
export type { DeviceReport, DeviceUse } from "./device-model.ts";
export { type DeviceEvent, type DeviceOptions, SimulatedDevice } from "./simulated-device.ts";
