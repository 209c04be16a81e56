// What the JSON files have in common: exact members, forms, detached signatures; see ledger/proofs/documents.py.
import { concat, unbase64, unhex, utf8 } from "./bytes.js";
import { decodeFile } from "./canonical.js";
import { MalformedError, VerificationError } from "./errors.js";

export const MAX_DOCUMENT = 8 << 20;
export const MAX_PROOF = 64;
export const ORIGIN = /^[!#-*,-[\]-~]{1,255}$/;
export const NAME = /^[A-Za-z0-9._:-]{1,64}$/;
export const SUBJECT = /^(?:(?:loan|pool|account):[A-Za-z0-9._:-]{1,64}|log)$/;
export const INSTANT =
  /^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z$/;
// White space as Unicode has it, written out: what `\s` means differs between languages.
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const KEY_NAME = new RegExp(`^[^${SPACE}+]{1,255}\\+[0-9a-f]{8}$`, "u");

/** The value of a file whose bytes are the canonical ones and a newline. */
export const decodeDocument = (data, what) => decodeFile(data, what, MAX_DOCUMENT);

/** One JSON object, read strictly: its members are exactly the expected ones. */
export class Form {
  constructor(value, what, path, members) {
    this.what = what;
    this.at = path;
    const place = path || "the document";
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
      throw new MalformedError(what, `${place} is not an object`);
    }
    const faults = [
      ...[...members].sort().filter((name) => !Object.hasOwn(value, name)).map((name) => `${name} is missing`),
      ...Object.keys(value).sort().filter((name) => !members.includes(name)).map((name) => `${name} is unknown`),
    ];
    if (faults.length) throw new MalformedError(what, `members of ${place}: ${faults.join("; ")}`);
    this.value = value;
  }

  fail(name, reason) {
    throw new MalformedError(this.what, `${this.path(name)} ${reason}`);
  }

  path(name) {
    return this.at ? `${this.at}.${name}` : name;
  }

  raw(name) {
    return this.value[name];
  }

  text(name, pattern = null) {
    const value = this.value[name];
    if (typeof value !== "string") this.fail(name, "is not a string");
    if (pattern !== null && !pattern.test(value)) this.fail(name, "is not of its form");
    return value;
  }

  choice(name, choices) {
    const value = this.text(name);
    if (!choices.includes(value)) this.fail(name, `is none of ${choices.join(", ")}`);
    return value;
  }

  integer(name, least = 0, most = Number.MAX_SAFE_INTEGER) {
    const value = this.value[name];
    if (typeof value !== "number" || value < least || value > most) {
      this.fail(name, `is not an integer from ${least} to ${most}`);
    }
    return value;
  }

  boolean(name) {
    const value = this.value[name];
    if (typeof value !== "boolean") this.fail(name, "is not a boolean");
    return value;
  }

  hex(name, length) {
    return unhex(this.value[name], length, `${this.what}, ${this.path(name)}`);
  }

  chainHex(name, length) {
    const value = this.text(name);
    if (!value.startsWith("0x")) this.fail(name, "is not 0x and hexadecimal");
    return unhex(value.slice(2), length, `${this.what}, ${this.path(name)}`);
  }

  base64(name, length = null) {
    return unbase64(this.value[name], length, `${this.what}, ${this.path(name)}`);
  }

  /** A list of hashes. */
  proof(name) {
    return this.items(name, (value, path) => unbase64(value, 32, `${this.what}, ${path}`), MAX_PROOF);
  }

  items(name, read, most = 100_000) {
    const value = this.value[name];
    if (!Array.isArray(value) || value.length > most) this.fail(name, `is not a list of at most ${most} items`);
    return value.map((item, at) => read(item, `${this.path(name)}[${at}]`));
  }

  optional(name, read) {
    return this.value[name] === null ? null : read(name);
  }
}

/** `{key, value}` as it stands in files and records. */
export function readSignature(value, what, path) {
  const form = new Form(value, what, path, ["key", "value"]);
  return { key: form.text("key", KEY_NAME), value: form.base64("value", 64) };
}

const CHAIN_MEMBERS = ["chain_id", "contract", "log_id"];

/** `chain_id`, `contract` and `log_id`: all, or null. */
export function readBinding(form, what) {
  const given = CHAIN_MEMBERS.filter((name) => form.raw(name) !== null).length;
  const chain = {
    chainId: form.optional("chain_id", (name) => form.integer(name, 1)),
    contract: form.optional("contract", (name) => form.chainHex(name, 20)),
    logId: form.optional("log_id", (name) => form.chainHex(name, 32)),
  };
  if (given === 0) return null;
  if (given !== 3) throw new MalformedError(what, "chain_id, contract and log_id are given together or not at all");
  return chain;
}

/** The signed bytes of a document that was read as canonical: its media type as a line, and all but `signature`. */
export function signedPart(text, mediaType) {
  // Quotes inside strings are escaped, so neither mark can be found inside one.
  const start = text.lastIndexOf(',"signature":{');
  const value = text.indexOf('","value":"', start) + '","value":"'.length;
  const end = text.indexOf('"}', value) + 2;
  return concat(utf8(`${mediaType}\n${text.slice(0, start)}`), utf8(text.slice(end).replace(/\n$/, "")));
}

/** The key of `verifiers` that `signature` names, after its signature was verified. */
export async function checkSignature(signature, message, verifiers, step) {
  const verifier = verifiers.find((one) => one.reference === signature.key);
  if (verifier === undefined) {
    throw new VerificationError(`signed by ${signature.key}, which the trust root does not name here`, {
      step,
      evidence: { key: signature.key, known: verifiers.map((one) => one.reference) },
    });
  }
  if (!(await verifier.signed(message, signature.value))) {
    throw new VerificationError(`the signature does not verify under ${signature.key}`, {
      step,
      evidence: { key: signature.key },
    });
  }
  return verifier;
}
