/**
 * Merkle tree hashing of RFC 6962, section 2.1 (the same in RFC 9162): leaves in, root out, SHA-256.
 * Leaves and inner nodes are hashed with different prefixes, so that no inner node can pass as a leaf.
 */
import { hash } from "node:crypto";

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** Filled and hashed at once, again and again: proofs hash hundreds of nodes. */
const NODE = new Uint8Array(1 + 2 * HASH_BYTES);
NODE[0] = 1;

/** SHA-256(0x00 || leaf). */
export function leafHash(leaf: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + leaf.length);
  input.set(leaf, 1);
  return hash("sha256", input, "buffer");
}

/** SHA-256(0x01 || left || right). Throws RangeError unless both have 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  assertHash("left", left);
  assertHash("right", right);
  NODE.set(left, 1);
  NODE.set(right, 1 + HASH_BYTES);
  return hash("sha256", NODE, "buffer");
}

/** The root over the leaves, in order. The root of no leaves is SHA-256 of nothing. */
export function merkleRoot(leaves: Iterable<Uint8Array>): Uint8Array {
  // The roots of the complete subtrees so far, largest first: as many as there are ones in `size`.
  const roots: Uint8Array[] = [];
  let size = 0;
  for (const leaf of leaves) {
    let root = leafHash(leaf);
    for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) root = nodeHash(roots.pop()!, root);
    roots.push(root);
    size++;
  }
  if (size === 0) return hash("sha256", new Uint8Array(0), "buffer");
  return roots.reduceRight((right, left) => nodeHash(left, right));
}

function assertHash(name: string, value: Uint8Array): void {
  if (value.length !== HASH_BYTES) throw new RangeError(`${name}: expected ${HASH_BYTES} bytes, got ${value.length}`);
}
