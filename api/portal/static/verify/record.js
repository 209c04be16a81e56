// A record as a verifier reads it: its members and their forms, not what its event means; see
// ledger/proofs/recordform.py.
import { hex, sha256, utf8 } from "./bytes.js";
import { canonicalText, decodeCanonical } from "./canonical.js";
import { Form, INSTANT, NAME, ORIGIN, readSignature, SUBJECT } from "./documents.js";
import { MalformedError } from "./errors.js";

const RECORD = "record";
const RECORD_MEMBERS = [
  "v", "origin", "id", "type", "subject", "seq", "prev", "effective", "posted", "party", "data", "private", "sig",
  "nonce",
];
const MAX_RECORD = 1 << 20;
// In these one party could otherwise speak for another: they are nothing without a signature.
const SIGNED_TYPES = ["repayment.confirmed", "cash.settled", "claim.released", "guarantor.compensated"];
const TYPE = /^[a-z][a-z_]*\.[a-z][a-z_]*$/;
const EFFECTIVE = /^[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?$/;
export const PLEDGE_TYPES = ["claim.pledged", "claim.sold"];

/** Read a record strictly. Throws MalformedError. */
export async function parseRecord(text) {
  const form = new Form(decodeCanonical(text, RECORD, MAX_RECORD), RECORD, "", RECORD_MEMBERS);
  form.integer("v", 1, 1);
  const data = form.raw("data");
  if (data === null || typeof data !== "object" || Array.isArray(data)) form.fail("data", "is not an object");
  const prev = form.optional("prev", (name) => form.hex(name, 32));
  const hidden = form.items("private", (value, path) => {
    if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) {
      throw new MalformedError(RECORD, `${path} is no digest`);
    }
    return value;
  }, MAX_RECORD);
  if (hidden.some((digest, at) => at > 0 && hidden[at - 1] >= digest)) {
    throw new MalformedError(RECORD, "private is not in strictly ascending order");
  }
  const seq = form.integer("seq");
  if ((prev === null) !== (seq === 0)) throw new MalformedError(RECORD, "prev is null exactly at seq 0");
  const record = {
    text,
    digest: await sha256(utf8(text)),
    origin: form.text("origin", ORIGIN),
    id: form.text("id", NAME),
    type: form.text("type", TYPE),
    subject: form.text("subject", SUBJECT),
    seq,
    effective: calendar(form.text("effective", EFFECTIVE)),
    posted: form.text("posted", INSTANT),
    party: form.text("party", NAME),
    data,
    hidden,
    sig: form.optional("sig", (name) => readSignature(form.raw(name), RECORD, "sig")),
    nonce: form.text("nonce", /^[0-9a-f]{32}$/),
  };
  record.mustBeSigned =
    SIGNED_TYPES.includes(record.type) || (record.type === "correction.made" && SIGNED_TYPES.includes(data.type));
  return record;
}

/** Whether year, month and day are one of the calendar; `text` is YYYY-MM-DD. */
export function isDay(text) {
  const [year, month, day] = text.split("-").map(Number);
  if (year < 1 || month < 1 || month > 12) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day >= 1 && day <= [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

function calendar(text) {
  if (!isDay(text.length === 10 ? text : `${text}-01`)) {
    throw new MalformedError(RECORD, "effective is no date of the calendar");
  }
  return text;
}

/** The bytes that the party of `record` signs. */
export function statementBytes({ origin, id, type, subject, effective, party, data }) {
  return utf8(`poolproof/statement/v1\n${canonicalText({ origin, id, type, subject, effective, party, data })}`);
}

/** The bytes that a pledgee or buyer signs to accept `claims` into a pool. */
export function pledgeAcceptanceBytes(origin, pool, holder, claims) {
  return utf8(`poolproof/pledge-acceptance/v1\n${canonicalText({ origin, pool, holder, claims: claims ?? null })}`);
}

export const disclosureDigest = async (disclosure) => hex(await sha256(utf8(canonicalText(disclosure))));
