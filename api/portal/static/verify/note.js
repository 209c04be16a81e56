// Signed notes, verifier keys and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature); see
// ledger/proofs/note.py and checkpoint.py.
import { equal, hex, numberOf, sha256, unbase64, unhex, utf8 } from "./bytes.js";
import { SPACE } from "./documents.js";
import { MalformedError, VerificationError } from "./errors.js";
import { MAX_SIZE } from "./merkle.js";

const MAX_NOTE_BYTES = 1_000_000;
const MAX_SIGNATURES = 100;
const MAX_TIME = 2n ** 63n - 1n;
const DASH = "— ";
const ED25519 = 0x01;
const COSIGNATURE = 0x04;
const CONTROL = /[\x00-\x09\x0b-\x1f]/;
const BAD_NAME = new RegExp(`[+\\x00-\\x1f${SPACE}]`, "u");
const EMPTY_ROOT = unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
const P = 2n ** 255n - 19n;
const Y8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
// y coordinates of the points of small order, also unreduced: with such a key one signature fits many texts.
const SMALL_ORDER = [0n, 1n, P - 1n, P, P + 1n, Y8, P - Y8];

function checkName(name) {
  if (!name) throw new MalformedError("key name", "empty");
  if (BAD_NAME.test(name)) {
    throw new MalformedError("key name", "holds a space, a control character or a plus");
  }
  return name;
}

/** A public key with its name. Made by `parseVerifier` only. */
class VerifierKey {
  constructor(name, kind, publicKey, keyId) {
    this.name = name;
    this.kind = kind;
    this.publicKey = publicKey;
    this.keyId = keyId;
    this.reference = `${name}+${hex(keyId)}`;
    this.loaded = null;
  }

  /** Whether `signature` (64 bytes) is this key's over `message`. */
  async signed(message, signature) {
    if (signature.length !== 64) return false;
    try {
      this.loaded ??= await crypto.subtle.importKey("raw", this.publicKey, { name: "Ed25519" }, false, ["verify"]);
      return await crypto.subtle.verify({ name: "Ed25519" }, this.loaded, signature, message);
    } catch (error) {
      // A browser without Ed25519 must not look like a bad signature.
      if (error.name === "NotSupportedError") throw error;
      return false;
    }
  }

  /** Throw unless `signature` is what a note line by this key carries over `text`. */
  async checkText(text, signature) {
    let message = utf8(text);
    let value = signature;
    if (this.kind === COSIGNATURE) {
      const time = cosignatureTime(signature);
      message = utf8(`cosignature/v1\ntime ${time}\n${text}`);
      value = signature.subarray(8);
    }
    if (!(await this.signed(message, value))) {
      throw new VerificationError(`no valid signature by ${this.reference}`, { step: "signature" });
    }
  }
}

function cosignatureTime(signature) {
  if (signature.length !== 72) {
    throw new VerificationError("a cosignature is not 72 bytes", { step: "cosignature" });
  }
  const time = numberOf(signature.subarray(0, 8));
  if (time > MAX_TIME) {
    throw new VerificationError("the time of a cosignature is above 2^63 − 1", { step: "cosignature" });
  }
  return time;
}

/** Read `name+hex8+base64`; its key id must be the one of its key. */
export async function parseVerifier(vkey, kind = ED25519) {
  const what = "verifier key";
  const match = typeof vkey === "string" ? /^([^+]*)\+([^+]*)\+(.*)$/s.exec(vkey) : null;
  if (match === null) throw new MalformedError(what, "not of the form name+hex+base64");
  const [, name, keyId, encoded] = match;
  const material = unbase64(encoded, null, what);
  if (material.length !== 33 || material[0] !== kind) {
    throw new MalformedError(what, `not an Ed25519 key of type 0${kind}`);
  }
  const publicKey = material.subarray(1);
  checkName(name);
  const y = numberOf(Uint8Array.from(publicKey).reverse()) & (2n ** 255n - 1n);
  if (SMALL_ORDER.includes(y)) throw new MalformedError(what, "the public key is a point of small order");
  const own = (await sha256(utf8(`${name}\n`), material)).subarray(0, 4);
  if (hex(own) !== keyId) throw new MalformedError(what, "its key id belongs to another name or key");
  return new VerifierKey(name, kind, publicKey, own);
}

export const parseWitness = (vkey) => parseVerifier(vkey, COSIGNATURE);

function parseNote(text) {
  const what = "note";
  if (utf8(text).length > MAX_NOTE_BYTES) throw new MalformedError(what, `more than ${MAX_NOTE_BYTES} bytes`);
  const blank = text.lastIndexOf("\n\n");
  if (blank < 0) throw new MalformedError(what, "no blank line before the signatures");
  const body = text.slice(0, blank + 1);
  const tail = text.slice(blank + 2);
  if (CONTROL.test(body)) throw new MalformedError(what, "control character");
  if (!tail.endsWith("\n")) throw new MalformedError(what, "does not end in a signature line");
  const lines = tail.slice(0, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw new MalformedError(what, `more than ${MAX_SIGNATURES} signatures`);
  return [body, lines.map(parseLine)];
}

function parseLine(line) {
  const rest = line.slice(DASH.length);
  const space = rest.indexOf(" ");
  if (!line.startsWith(DASH) || space < 0) throw new MalformedError("note", "a line after the text is no signature");
  const blob = unbase64(rest.slice(space + 1), null, "note signature");
  if (blob.length < 5) throw new MalformedError("note signature", "too short");
  return { name: checkName(rest.slice(0, space)), keyId: blob.subarray(0, 4), signature: blob.subarray(4) };
}

/** The note's text and the keys of `verifiers` that signed it, each once; all their signatures were verified. */
async function openNote(text, verifiers) {
  const known = new Map();
  for (const verifier of verifiers) {
    const other = known.get(verifier.reference);
    if (other && !(other.kind === verifier.kind && equal(other.publicKey, verifier.publicKey))) {
      throw new VerificationError(`two keys are called ${verifier.reference}`, { step: "signature" });
    }
    if (!other) known.set(verifier.reference, verifier);
  }
  const [body, signatures] = parseNote(text);
  const verified = new Set();
  for (const line of signatures) {
    const verifier = known.get(`${line.name}+${hex(line.keyId)}`);
    if (verifier === undefined) continue;
    await verifier.checkText(body, line.signature);
    verified.add(verifier);
  }
  if (!verified.size) throw new VerificationError("no signature by a known key", { step: "signature" });
  return [body, [...verified]];
}

function parseBody(body) {
  const what = "checkpoint";
  const lines = body.split("\n");
  if (lines.length !== 4 || lines[3]) throw new MalformedError(what, "not exactly three lines");
  const [origin, digits, encoded] = lines;
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(digits)) {
    throw new MalformedError(what, "the size is no decimal number in its one spelling");
  }
  const size = BigInt(digits);
  const root = unbase64(encoded, 32, "checkpoint root");
  if (!/^[!-*,-~]{1,255}$/.test(origin)) throw new MalformedError("origin", "is none that can name a log");
  if (size > MAX_SIZE) throw new MalformedError(what, "the size is not from 0 to 2^63 − 1");
  if (size === 0n && !equal(root, EMPTY_ROOT)) {
    throw new MalformedError(what, "size 0 with another root than the empty tree's");
  }
  return { origin, size, root };
}

/** Verify a checkpoint: at least one of the log's own keys signed, and no known signature is bad. */
export async function openCheckpoint(text, origin, logKeys, witnesses) {
  const [body, verified] = await openNote(text, [...logKeys, ...witnesses]);
  const checkpoint = parseBody(body);
  if (checkpoint.origin !== origin) {
    throw new VerificationError(`the checkpoint is of ${checkpoint.origin}, not of ${origin}`, {
      step: "checkpoint",
      evidence: { origin: checkpoint.origin, expected: origin },
    });
  }
  const signed = verified.filter((verifier) => logKeys.includes(verifier));
  if (!signed.length) throw new VerificationError("no signature by a key of the log", { step: "checkpoint" });
  const cosigned = verified.filter((verifier) => verifier.kind === COSIGNATURE);
  return { ...checkpoint, text, body, signed, cosigned };
}
