// Evidence of an anchor, checked against one block hash of the verifier's and nothing else; see
// ledger/proofs/evidence.py, ledger/chain/stateproof.py and statetrie.py.
//
//   block hash → header → state root → account → code hash, storage root → slot of rootAt[log][size] → root
import { bigEndian, compareBytes, concat, equal, hex, numberOf, unbase64, unhex } from "./bytes.js";
import { decodeDocument, Form, ORIGIN, readBinding } from "./documents.js";
import { InconsistencyError, MalformedError, UndeterminedError, VerificationError } from "./errors.js";
import { EVIDENCE_TYPE } from "./files.js";
import { keccak256 } from "./keccak.js";
import { Ladder, showChain } from "./ladder.js";
import { message } from "./words.js";

const EVIDENCE = "evidence";
const EVIDENCE_MEMBERS = [
  "media_type", "origin", "chain_id", "contract", "log_id", "size", "root", "block", "account_proof", "storage_key",
  "storage_proof", "checkpoint", "cosignatures",
];
const ANCHOR_STEP = { step: "anchor" };
const MAX_NODES = 65;
const MAX_RLP = 64 << 10;
const MAX_RLP_DEPTH = 16;
// keccak256(abi.encode(uint256(keccak256("poolproof.storage.AnchorRegistry")) - 1)) & ~0xff
const STORAGE_BASE = unhex("0f311a3c4c6cc2f779e07a64ac08996504388d7d01ee5f839ea0517f0542dd00");
const EMPTY_TRIE = keccak256(Uint8Array.of(0x80));

/** Read an evidence file; nothing is verified. Throws MalformedError. */
export function parseEvidence(data) {
  const form = new Form(decodeDocument(data, EVIDENCE), EVIDENCE, "", EVIDENCE_MEMBERS);
  form.choice("media_type", [EVIDENCE_TYPE]);
  const chain = readBinding(form, EVIDENCE);
  if (chain === null) throw new MalformedError(EVIDENCE, "names no chain");
  const block = new Form(form.raw("block"), EVIDENCE, "block", ["number", "hash", "header"]);
  const node = (value, path) => {
    const found = unbase64(value, null, `${EVIDENCE}, ${path}`);
    if (found.length > MAX_RLP) throw new MalformedError(EVIDENCE, `${path} is longer than ${MAX_RLP} bytes`);
    return found;
  };
  const line = (value, path) => {
    if (typeof value !== "string" || value.indexOf("\n") !== value.length - 1 || value === "") {
      throw new MalformedError(EVIDENCE, `${path} is not one line`);
    }
    return value;
  };
  return {
    origin: form.text("origin", ORIGIN),
    chain,
    size: BigInt(form.integer("size", 1)),
    root: form.base64("root", 32),
    blockNumber: block.integer("number"),
    blockHash: block.chainHex("hash", 32),
    header: block.base64("header"),
    accountProof: form.items("account_proof", node, MAX_NODES),
    storageKey: form.chainHex("storage_key", 32),
    storageProof: form.items("storage_proof", node, MAX_NODES),
    checkpoint: form.text("checkpoint"),
    cosignatures: form.items("cosignatures", line, 100),
  };
}

/** Where a ladder learns the contract's root: one evidence file, and `blocks`, hashes that the visitor looked up. */
export class EvidenceAnchors {
  constructor(evidence, trust, blocks = []) {
    this.evidence = evidence;
    this.trust = trust;
    this.blocks = blocks;
  }

  async rootAt(size) {
    const view = await verifyEvidence(this.evidence, this.trust, this.blocks);
    if (view.size !== size) {
      throw new UndeterminedError(
        `the evidence is of the anchor of size ${view.size}; size ${size} needs its own`,
      );
    }
    return view;
  }
}

/** The verdict on an evidence file by itself; `progress.steps` are the steps that held. */
export async function verifyEvidenceFile(trust, data, blocks, progress) {
  const evidence = parseEvidence(data);
  const ladder = await Ladder.begin(trust, data, "evidence", progress);
  const view = await verifyEvidence(evidence, trust, blocks);
  ladder.held("anchor", message("evidence", { size: view.size }), view.describes, view.bytes);
  for (const item of view.notChecked) ladder.leaves(...item);
  return ladder.verdict("evidence", { size: view.size, root: view.root, index: null, evidence });
}

/** Show that the contract of `trust` holds the evidence's root in a block that the verifier knows. */
export async function verifyEvidence(evidence, trust, blocks) {
  if (trust.chain === null) throw new UndeterminedError("the trust root names no chain to check an anchor on");
  const [found, expected] = [showChain(evidence.chain), showChain(trust.chain)];
  if (evidence.origin !== trust.origin || found !== expected) {
    const named = `the trust root names ${trust.origin}, ${expected}`;
    throw new VerificationError(`the evidence is of ${evidence.origin}, ${found}; ${named}`, ANCHOR_STEP);
  }
  await sameRoot(evidence, trust);
  try {
    const word = storedWord(evidence, trust.chain, stateRoot(evidence));
    if (!equal(word, evidence.root)) {
      throw new VerificationError(
        `the contract holds another root at size ${evidence.size} than the evidence says`,
        { ...ANCHOR_STEP, evidence: { contract: hex(word), evidence: hex(evidence.root) } },
      );
    }
  } catch (error) {
    if (error instanceof MalformedError) throw new VerificationError(error.message, ANCHOR_STEP);
    throw error;
  }
  knownBlock(evidence, trust, blocks);
  return {
    size: evidence.size,
    root: evidence.root,
    level: "final",
    describes: message("named_block", { number: evidence.blockNumber, hash: `0x${hex(evidence.blockHash)}` }),
    fingerprint: null,
    anchorAge: null,
    cosignatures: evidence.cosignatures,
    notChecked: [["block"], ["chain_identity"], ["after_the_block"]],
    bytes: [
      ["block_hash", hex(evidence.blockHash)],
      ["block_header", hex(evidence.header)],
      ["account_proof", evidence.accountProof.map(hex).join("\n")],
      ["storage_key", hex(evidence.storageKey)],
      ["storage_proof", evidence.storageProof.map(hex).join("\n")],
    ],
  };
}

/** The checkpoint in the evidence is the log's own and has the same size and root. */
async function sameRoot(evidence, trust) {
  let checkpoint;
  try {
    checkpoint = await trust.openCheckpoint(evidence.checkpoint);
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof VerificationError)) throw error;
    throw new VerificationError(`the checkpoint in the evidence: ${error.message}`, ANCHOR_STEP);
  }
  if (checkpoint.size !== evidence.size || !equal(checkpoint.root, evidence.root)) {
    throw new InconsistencyError("the evidence holds a checkpoint of another size or root than its anchor", {
      ...ANCHOR_STEP,
      evidence: {
        checkpoint: evidence.checkpoint,
        anchor: { size: Number(evidence.size), root: hex(evidence.root) },
      },
    });
  }
}

/** The state root of the block, from the header that has its hash. */
function stateRoot(evidence) {
  if (!equal(keccak256(evidence.header), evidence.blockHash)) {
    throw new VerificationError("the header has another hash than the block", ANCHOR_STEP);
  }
  const fields = rlpStrings(evidence.header, "block header", 15);
  const number = rlpInteger(fields[8], "block number");
  if (number !== BigInt(evidence.blockNumber)) {
    throw new VerificationError(`the header is of block ${number}, not of ${evidence.blockNumber}`, ANCHOR_STEP);
  }
  rlpInteger(fields[11], "block time");
  return fields[3];
}

/** The word in the slot of rootAt[log][size] of the contract, 32 bytes. */
function storedWord(evidence, chain, state) {
  const account = trieValue(state, chain.contract, evidence.accountProof);
  if (account === null) {
    throw new VerificationError("the chain has no account at the contract's address", ANCHOR_STEP);
  }
  const fields = rlpStrings(account, "account", 4);
  if (fields.length !== 4 || !equal(fields[3], chain.codeHash)) {
    throw new VerificationError("the contract has other code than expected", {
      ...ANCHOR_STEP,
      evidence: { code_hash: hex(fields[3]), expected: hex(chain.codeHash) },
    });
  }
  const slot = keccak256(concat(bigEndian(evidence.size, 32), keccak256(concat(chain.logId, STORAGE_BASE))));
  if (!equal(slot, evidence.storageKey)) {
    throw new VerificationError("the storage key is not that of the log's root at this size", ANCHOR_STEP);
  }
  const stored = trieValue(fields[2], slot, evidence.storageProof);
  if (stored === null) {
    throw new VerificationError(`the contract holds no root of size ${evidence.size}`, ANCHOR_STEP);
  }
  const value = decodeRlp(stored);
  if (Array.isArray(value) || value.length > 32) {
    throw new MalformedError("stored word", "not an integer of at most 32 bytes");
  }
  return bigEndian(rlpInteger(value, "stored word"), 32);
}

function knownBlock(evidence, trust, blocks) {
  const pinned = trust.pinnedBlocks.find((block) => compareBytes(block.hash, evidence.blockHash) === 0);
  if (pinned !== undefined) {
    if (pinned.number === evidence.blockNumber) return;
    throw new VerificationError(`the trust root pins this block as number ${pinned.number}`, ANCHOR_STEP);
  }
  if (blocks.some((block) => equal(block, evidence.blockHash))) return;
  throw new UndeterminedError(
    `the evidence speaks of block ${evidence.blockNumber} with hash 0x${hex(evidence.blockHash)}, which the ` +
      "trust root does not pin: look it up where you trust and give it (--block)",
  );
}

// ---------------------------------------------------------------------------------------------- the state trie

/** What the trie with `root` holds under the Keccak-256 of `key`; null when nothing. All of `nodes` are used. */
function trieValue(root, key, nodes) {
  const left = [...nodes];
  const value = equal(root, EMPTY_TRIE) ? null : walkTrie(root, hex(keccak256(key)), left);
  if (left.length) throw new VerificationError("the proof holds nodes that are not on the way", ANCHOR_STEP);
  return value;
}

function walkTrie(reference, path, left) {
  for (;;) {
    const node = openNode(reference, left);
    if (node.length === 17) {
      if (!path) throw new VerificationError("a branch where a leaf must be", ANCHOR_STEP);
      reference = node[parseInt(path[0], 16)];
      path = path.slice(1);
      if (!Array.isArray(reference) && reference.length === 0) return null;
      continue;
    }
    const [isLeaf, shared] = nodePrefix(node);
    if (isLeaf) {
      if (Array.isArray(node[1])) throw new VerificationError("a leaf that holds a list", ANCHOR_STEP);
      return path === shared ? node[1] : null;
    }
    if (!path.startsWith(shared)) return null;
    reference = node[1];
    path = path.slice(shared.length);
  }
}

/** The node that `reference` names: embedded as it is, else the next of the proof, by its hash. */
function openNode(reference, left) {
  if (Array.isArray(reference)) return reference;
  if (reference.length !== 32) {
    throw new VerificationError("a node names another by something that is no hash", ANCHOR_STEP);
  }
  if (!left.length) throw new VerificationError("the proof ends before the way does", ANCHOR_STEP);
  const encoded = left.shift();
  if (!equal(keccak256(encoded), reference)) {
    throw new VerificationError("a node of the proof has another hash than the way to it", ANCHOR_STEP);
  }
  const node = decodeRlp(encoded);
  if (!Array.isArray(node)) throw new VerificationError("a node of the proof is no list", ANCHOR_STEP);
  return node;
}

/** Whether a node of two items is a leaf, and the nibbles that it shares with every key below it. */
function nodePrefix(node) {
  if (node.length !== 2 || Array.isArray(node[0]) || !node[0].length) {
    throw new VerificationError("a node that is neither branch, extension nor leaf", ANCHOR_STEP);
  }
  const prefix = hex(node[0]);
  const flag = parseInt(prefix[0], 16);
  if (flag > 3 || (!(flag & 1) && prefix[1] !== "0")) {
    throw new VerificationError("a node with a hex prefix that there is not", ANCHOR_STEP);
  }
  const shared = prefix.slice(flag & 1 ? 1 : 2);
  if (flag < 2 && !shared) throw new VerificationError("an extension that leads nowhere", ANCHOR_STEP);
  return [flag >= 2, shared];
}

// --------------------------------------------------------------------------------------------------------- RLP

/** The item that `data` is, in its one encoding: bytes, or a list of items. */
function decodeRlp(data) {
  const [item, end] = rlpItem(data, 0, data.length, 0);
  if (end !== data.length) throw new MalformedError("RLP", "bytes after the item");
  return item;
}

function rlpStrings(data, what, least) {
  const item = decodeRlp(data);
  if (!Array.isArray(item) || item.length < least) {
    throw new MalformedError(what, `not a list of at least ${least} items`);
  }
  if (item.some((member) => Array.isArray(member))) {
    throw new MalformedError(what, "holds a list in place of a string");
  }
  return item;
}

function rlpInteger(data, what) {
  if (data[0] === 0 || data.length > 32) {
    throw new MalformedError(what, "not an integer of at most 32 bytes without leading zeros");
  }
  return numberOf(data);
}

function rlpItem(data, at, end, depth) {
  if (at >= end) throw new MalformedError("RLP", "ends early");
  if (depth > MAX_RLP_DEPTH) throw new MalformedError("RLP", `nested deeper than ${MAX_RLP_DEPTH}`);
  const head = data[at];
  if (head < 0x80) return [data.subarray(at, at + 1), at + 1];
  const isList = head >= 0xc0;
  let [start, stop] = rlpPayload(data, at, end, head - (isList ? 0xc0 : 0x80));
  if (!isList) {
    if (stop - start === 1 && data[start] < 0x80) throw new MalformedError("RLP", "a small byte with a length");
    return [data.subarray(start, stop), stop];
  }
  const items = [];
  while (start < stop) {
    const [item, next] = rlpItem(data, start, stop, depth + 1);
    items.push(item);
    start = next;
  }
  return [items, stop];
}

/** Where the payload starts and stops; `size` is the length up to 55, or 55 and the length's length. */
function rlpPayload(data, at, end, size) {
  let start = at + 1;
  if (size > 55) {
    const width = size - 55;
    const digits = data.subarray(start, start + width);
    const length = numberOf(digits);
    if (digits.length !== width || digits[0] === 0 || length <= 55n) {
      throw new MalformedError("RLP", "a length that is not in its shortest form");
    }
    start += width;
    // More than fits a number is more than there is.
    size = Number(length);
  }
  if (start + size > end) throw new MalformedError("RLP", "ends early");
  return [start, start + size];
}
