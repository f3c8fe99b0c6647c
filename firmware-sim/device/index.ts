/** Public names of the constrained device; every figure is modelled. */
export { budgetOf, type Cipher, type DeviceBudget, type RadioBudget, radioOf } from "./budget.ts";
export { DEFAULT_USE, type DeviceReport, type DeviceUse, modelDevice } from "./device-model.ts";
export { type DeviceEvent, type DeviceOptions, SimulatedDevice } from "./simulated-device.ts";
