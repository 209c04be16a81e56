// RFC 9162 section 2.1 over SHA-256; sizes and indexes are BigInt. Bounds and the exact length of a proof come
// before any hashing; see ledger/proofs/merkle.py.
import { equal, sha256 } from "./bytes.js";
import { VerificationError } from "./errors.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
export const MAX_SIZE = 2n ** 63n - 1n;

export const leafHash = (entry) => sha256(LEAF, entry);
export const nodeHash = (left, right) => sha256(NODE, left, right);

export const bitLength = (number) => (number === 0n ? 0 : number.toString(2).length);
const bitCount = (number) => number.toString(2).replaceAll("0", "").length;

/** How many hashes lie below the point where the path meets the right edge, and how many above. */
function shape(index, size) {
  const inner = bitLength(index ^ (size - 1n));
  return [inner, bitCount(index >> BigInt(inner))];
}

/** Show that `leaf` is leaf `index` of the tree (size, root); returns the nodes on the way, for the reader. */
export async function verifyInclusion(index, size, leaf, proof, root) {
  const step = "inclusion";
  if (index < 0n || index > MAX_SIZE || size > MAX_SIZE) {
    throw new VerificationError("index or size is not a number from 0 to 2^63 − 1", { step });
  }
  if (index >= size) throw new VerificationError(`index ${index} is not below the size ${size}`, { step });
  const [inner, border] = shape(index, size);
  if (proof.length !== inner + border) {
    throw new VerificationError(`the proof has ${proof.length} hashes, not ${inner + border}`, { step });
  }
  const way = [{ hash: leaf, side: "leaf" }];
  let result = leaf;
  for (const [at, sibling] of proof.entries()) {
    const left = at >= inner || ((index >> BigInt(at)) & 1n) === 1n;
    result = left ? await nodeHash(sibling, result) : await nodeHash(result, sibling);
    way.push({ hash: result, sibling, side: left ? "left" : "right" });
  }
  if (!equal(result, root)) {
    const reason = `the proof of leaf ${index} in a tree of size ${size} leads to another root`;
    throw new VerificationError(reason, { step });
  }
  return way;
}
