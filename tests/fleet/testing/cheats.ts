/** Who cheats in the fleet of range proofs, all on one of two feeders, and what is added to each of its imports. */
export const BITS = { import: 20, export: 20, catchup: 24, catchupExport: 24 };

export const CHEATS: ReadonlyMap<string, bigint> = new Map([
  ["m-002", -50_000n],
  ["m-004", 2n ** 40n],
]);
