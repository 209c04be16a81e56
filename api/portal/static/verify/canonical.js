// Canonical JSON: RFC 8785 in a profile in which one value has one spelling; see ledger/proofs/canonical.py.
//
// A text is parsed, printed again and compared. That refuses duplicate keys, floats, exponents, -0, other orders,
// white space and other escapes at once, because none of them is what the printer prints.
import { textOf } from "./bytes.js";
import { MalformedError } from "./errors.js";

const MAX_DEPTH = 64;
const MAX_BYTES = 16 * 1024 * 1024;
const KEY = /^[a-z][a-z0-9_]*$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
// Strings, which may hold brackets, and the brackets outside them.
const STRUCTURE = /"[^"\\]*(?:\\.[^"\\]*)*"?|[[\]{}]/gs;

/** The canonical text of a value; MalformedError for what the profile does not allow. */
export function canonicalText(value, what = "canonical JSON", depth = 0) {
  if (typeof value === "string") {
    if (LONE_SURROGATE.test(value)) throw new MalformedError(what, "string with a lone surrogate");
    if (value.normalize("NFC") !== value) throw new MalformedError(what, "a string that is not in Unicode NFC");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) {
      throw new MalformedError(what, "a number that is not an integer within ±(2^53 − 1)");
    }
    return String(value);
  }
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value !== "object") throw new MalformedError(what, `no place for a ${typeof value}`);
  if (depth >= MAX_DEPTH) throw new MalformedError(what, `nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, what, depth + 1)).join(",")}]`;
  const keys = Object.keys(value).sort();
  for (const key of keys) {
    if (!KEY.test(key)) throw new MalformedError(what, `key ${JSON.stringify(key.slice(0, 64))} is not of its form`);
  }
  return `{${keys.map((key) => `"${key}":${canonicalText(value[key], what, depth + 1)}`).join(",")}}`;
}

/** Read a text that is spelled as `canonicalText` spells it, and no other. */
export function decodeCanonical(text, what = "JSON", limit = MAX_BYTES) {
  if (text.length > limit) throw new MalformedError(what, `more than ${limit} bytes`);
  checkNesting(text, what);
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedError(what, `no JSON: ${error.message}`);
  }
  if (canonicalText(value, what) !== text) throw new MalformedError(what, "not in canonical form");
  return value;
}

/** Read a file: canonical bytes and one newline. */
export function decodeFile(data, what, limit = MAX_BYTES) {
  if (data.length > limit) throw new MalformedError(what, `more than ${limit} bytes`);
  if (data[data.length - 1] !== 0x0a) throw new MalformedError(what, "does not end in a newline");
  return decodeCanonical(textOf(data.subarray(0, -1), what), what, limit);
}

// Before parsing, so that no parser is led deeper than its stack holds.
function checkNesting(text, what) {
  let depth = 0;
  for (const [token] of text.matchAll(STRUCTURE)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth > MAX_DEPTH) throw new MalformedError(what, `nested deeper than ${MAX_DEPTH}`);
  }
}
