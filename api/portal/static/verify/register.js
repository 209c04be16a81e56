// The register: its entry, its map (torchwood mpt), and what stands in it about a claim; see
// ledger/proofs/entries.py, mpt.py and encumbrance.py.
import {
  bigEndian, compareBytes, concat, equal, hex, numberOf, sha256, unbase64, unhex, utf8,
} from "./bytes.js";
import { canonicalText, decodeCanonical } from "./canonical.js";
import { Form, NAME } from "./documents.js";
import { MalformedError, VerificationError } from "./errors.js";

export const WHOLE = 1_000_000;
export const ZERO = new Uint8Array(32);
const RECORD_INDEX = Uint8Array.of(0, 0, 0, 0, 1);
const EMPTY_MAP = unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
const MAX_PART = 1024;
const MAX_BIT = 8 * MAX_PART + 1;
const STATE_TYPE = "poolproof/claim-state/v1";
const STATE_MEMBERS = [
  "type", "loan", "claim", "creditor", "share", "currency", "status", "principal", "count", "head", "last_index",
  "nonce",
];

// ------------------------------------------------------------------------------------------------ entries

export const recordEntry = (digest) => concat(digest, RECORD_INDEX);

/** The register entry in `entry`, or null where it is a record's; nothing else is a leaf. */
export function parseEntry(entry) {
  if (entry.length === 37) {
    if (!equal(entry.subarray(32), RECORD_INDEX)) {
      throw new MalformedError("record entry", "does not end in the index of one addendum at offset 0");
    }
    return null;
  }
  if (entry.length !== 53) throw new MalformedError("entry", `${entry.length} bytes is the length of no entry`);
  if (!equal(entry.subarray(0, 4), utf8("PPR1")) || entry[52] !== 0) {
    throw new MalformedError("register entry", 'does not begin with "PPR1" and end in 00');
  }
  return {
    index: numberOf(entry.subarray(4, 12)),
    count: numberOf(entry.subarray(12, 20)),
    root: entry.subarray(20, 52),
  };
}

// ------------------------------------------------------------------------------------------------ the map

function uvarint(number) {
  const out = [];
  for (; number >= 0x80; number = Math.floor(number / 128)) out.push((number & 0x7f) | 0x80);
  return Uint8Array.of(...out, number);
}

const mapLeaf = (key, value) =>
  sha256(Uint8Array.of(0), uvarint(key.length), key, uvarint(value.length), value);

function keyBit(key, bit) {
  const byte = bit >> 3;
  if (byte < key.length) return (key[byte] >> (7 - (bit & 7))) & 1;
  return byte === key.length ? 0 : 1;
}

/** Read a proof in the map: bits strictly falling, siblings of 32 bytes. */
export function readMapProof(value) {
  const what = "map proof";
  const form = new Form(value, what, "", ["other", "steps"]);
  let last = MAX_BIT;
  const steps = form.items("steps", (step) => {
    if (!Array.isArray(step) || step.length !== 2) throw new MalformedError(what, "the steps are not a list of pairs");
    const [bit, sibling] = step;
    if (typeof bit !== "number" || bit < 0 || bit >= last) {
      throw new MalformedError(what, "the bits do not fall strictly");
    }
    last = bit;
    return { bit, sibling: unbase64(sibling, 32, what) };
  });
  const other = form.optional("other", (name) => {
    const pair = form.raw(name);
    if (!Array.isArray(pair) || pair.length !== 2) throw new MalformedError(what, "the other leaf is not a pair");
    const parts = pair.map((part) => unbase64(part, null, what));
    if (parts.some((part) => part.length > MAX_PART)) throw new MalformedError("map", "a key or value is too long");
    return parts;
  });
  return { steps, other };
}

async function climbMap(key, value, steps) {
  let hash = await mapLeaf(key, value);
  const way = [{ hash, side: "leaf" }];
  for (const { bit, sibling } of steps) {
    const right = keyBit(key, bit) === 1;
    const [a, b] = right ? [sibling, hash] : [hash, sibling];
    hash = await sha256(Uint8Array.of(1), uvarint(bit), a, b);
    way.push({ hash, sibling, side: right ? "left" : "right", bit });
  }
  return way;
}

/** Show that the map with `root` has `value` under `key`; returns the way from leaf to root. */
export async function verifyPresence(root, key, value, proof) {
  const step = "presence";
  if (proof.other !== null) throw new VerificationError("the proof ends at another key", { step });
  const way = await climbMap(key, value, proof.steps);
  if (!equal(way.at(-1).hash, root)) throw new VerificationError("the proof leads to another root", { step });
  return way;
}

/** Show that the map with `root` has nothing under `key`; returns the way from the leaf met instead. */
export async function verifyAbsence(root, key, proof) {
  const step = "absence";
  if (equal(root, EMPTY_MAP)) {
    if (proof.steps.length || proof.other !== null) {
      throw new VerificationError("the map is empty but the proof is not", { step });
    }
    return [];
  }
  if (proof.other === null) {
    throw new VerificationError("the proof names no leaf in place of the key", { step });
  }
  const [met, value] = proof.other;
  if (equal(met, key)) throw new VerificationError("the key is in the map", { step });
  if (proof.steps.some(({ bit }) => keyBit(met, bit) !== keyBit(key, bit))) {
    throw new VerificationError("looking the key up does not lead to the leaf of the proof", { step });
  }
  const way = await climbMap(met, value, proof.steps);
  if (!equal(way.at(-1).hash, root)) throw new VerificationError("the proof leads to another root", { step });
  return way;
}

// ---------------------------------------------------------------------------------------- claims and pools

export const claimKey = (assetKey) => sha256(utf8("poolproof/claim/v1\0"), assetKey);
export const poolKey = (name) => sha256(utf8(`poolproof/pool/v1\0${name}`));
export const holderId = (party) => sha256(utf8(`poolproof/party/v1\0${party}`));
export const weakAssetKey = (origin, loan, claim) =>
  sha256(utf8(`poolproof/weak-asset-key/v1\0${canonicalText([origin, loan, claim])}`));

function checkHolders(holders) {
  if (holders.length > 255) throw new MalformedError("holders", "more than 255");
  let total = 0;
  holders.forEach(({ holder, share }, at) => {
    if (share <= 0 || share > WHOLE) {
      throw new MalformedError("holders", "a holder is 32 bytes and has a share from 1 to 1,000,000 ppm");
    }
    if (at > 0 && compareBytes(holders[at - 1].holder, holder) >= 0) {
      throw new MalformedError("holders", "not in strictly ascending order");
    }
    total += share;
  });
  if (total > WHOLE) throw new MalformedError("holders", `the shares sum to ${total} ppm, more than the whole`);
}

/** Read the fixed-width encumbrance. Throws MalformedError. */
export function parseEncumbrance(data) {
  const what = "encumbrance";
  if (data.length < 57) throw new MalformedError(what, `${data.length} bytes are fewer than 57`);
  const count = data[56];
  if (data.length !== 57 + count * 36) {
    throw new MalformedError("holders", `${data.length} bytes do not fit their count`);
  }
  const holders = Array.from({ length: count }, (_, at) => {
    const one = data.subarray(57 + 36 * at, 93 + 36 * at);
    return { holder: one.subarray(0, 32), share: Number(numberOf(one.subarray(32))) };
  });
  checkHolders(holders);
  const version = numberOf(data.subarray(16, 24));
  const history = data.subarray(24, 56);
  if ((version === 0n) !== equal(history, ZERO) || (version === 0n && holders.length)) {
    throw new MalformedError(what, "only an unchanged claim has version 0, no history and no holder");
  }
  return { data, version, history, holders, taken: holders.reduce((sum, { share }) => sum + share, 0) };
}

/** Read a claim's state. Throws MalformedError. */
export function parseState(text) {
  const what = "claim state";
  const form = new Form(decodeCanonical(text, what), what, "", STATE_MEMBERS);
  form.choice("type", [STATE_TYPE]);
  form.hex("nonce", 16);
  return {
    text,
    loan: form.text("loan"),
    claim: form.text("claim", NAME),
    creditor: form.text("creditor", NAME),
    share: form.integer("share", 0, WHOLE),
    currency: form.text("currency"),
    status: form.text("status"),
    principal: form.text("principal"),
    count: form.integer("count", 1),
    head: form.hex("head", 32),
    lastIndex: form.integer("last_index"),
  };
}

function sameHolders(a, b) {
  return (
    a.length === b.length && a.every((one, at) => one.share === b[at].share && equal(one.holder, b[at].holder))
  );
}

/** Show that `newer` grew out of `older` (or nothing) by exactly `links`, oldest first. */
export async function verifyHistory(older, newer, links) {
  const step = "history";
  const version = older ? older.version : 0n;
  let history = older ? older.history : ZERO;
  let holders = older ? older.holders : [];
  const evidence = {
    older: { version: Number(version), history: hex(history) },
    newer: { version: Number(newer.version), history: hex(newer.history) },
  };
  if (newer.version < version) {
    const reason = `the history of pledges went back from version ${version} to ${newer.version}`;
    throw new VerificationError(reason, { step, evidence });
  }
  if (newer.version - version !== BigInt(links.length)) {
    const reason = `${newer.version - version} changes lie between the versions, ${links.length} are shown`;
    throw new VerificationError(reason, { step, evidence });
  }
  const way = [];
  for (const link of links) {
    holders = link.holdings;
    checkHolders(holders);
    const packed = holders.map((one) => concat(one.holder, bigEndian(one.share, 4)));
    const label = utf8("poolproof/history/v1\0");
    history = await sha256(label, history, link.digest, Uint8Array.of(holders.length), ...packed);
    way.push(history);
  }
  if (!equal(history, newer.history) || !sameHolders(holders, newer.holders)) {
    const reason = `version ${newer.version} does not follow from version ${version} by the changes shown`;
    throw new VerificationError(reason, { step, evidence: { ...evidence, recomputed: hex(history) } });
  }
  return way;
}
