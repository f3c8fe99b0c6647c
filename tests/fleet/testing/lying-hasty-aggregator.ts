/**
 * The aggregator's own entry, with a planted fault: it acknowledges shares and writes them down when it is ended in good
 * order. Killed, it has lost what it had said it holds; what a round still asks for, meters send it again.
 */
import { ShareStore } from "../../../aggregator/store/share-store.ts";

const write = Reflect.get<ShareStore, "writePending">(ShareStore.prototype, "writePending");
const committed = Reflect.get<ShareStore, "committed">(ShareStore.prototype, "committed");
const stores = new Set<ShareStore>();
let isHasty = true;

Reflect.set(ShareStore.prototype, "writePending", function (this: ShareStore) {
  stores.add(this);
  if (!isHasty) write.call(this);
});
Reflect.set(ShareStore.prototype, "committed", function (this: ShareStore) {
  if (!isHasty) committed.call(this);
});
process.once("SIGTERM", () => {
  for (const store of stores) {
    write.call(store);
    committed.call(store);
  }
  isHasty = false;
});

await import("../../../aggregator/main.ts");
