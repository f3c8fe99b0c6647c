/** Simulated meters of which the first one encrypts 500 Wh more than it shares, in every slot. */
import { CiphertextStore } from "../../../hardware/agent/ciphertexts/store.ts";

const LIE_WH = 500;

const readings = Reflect.get<CiphertextStore, "readings">(CiphertextStore.prototype, "readings");
Reflect.set(
  CiphertextStore.prototype,
  "readings",
  function (this: CiphertextStore, ...[number, kind, window]: Parameters<typeof readings>) {
    const values = readings.call(this, number, kind, window);
    return number === 1 ? values.map((value) => (value === undefined ? undefined : value + LIE_WH)) : values;
  },
);

await import("../../../firmware-sim/fleet/host-main.ts");
