// The trust root: every parameter of a verification, and the only place it takes them from; see
// ledger/proofs/trust.py.
import { hex, sha256 } from "./bytes.js";
import { decodeDocument, Form, NAME, ORIGIN } from "./documents.js";
import { MalformedError } from "./errors.js";
import { openCheckpoint, parseVerifier, parseWitness } from "./note.js";

export const TRUST_TYPE = "application/vnd.poolproof.trust.v1+json";
const TRUST = "trust root";
const TRUST_MEMBERS = [
  "media_type", "origin", "zone", "day_cut", "log_keys", "service_keys", "witnesses", "parties", "chain",
  "pinned_blocks",
];
const CHAIN_TRUST_MEMBERS = [
  "chain_id", "genesis", "contract", "code_hash", "log_id", "finality", "grade", "max_anchor_age",
];
const ROLES = [
  "originator", "servicer", "funding_partner", "account_bank", "guarantor", "trustee", "investor", "auditor",
  "regulator",
];
const GRADES = ["devnet", "operator", "consortium", "public"];
const FINALITY = /^(?:tag:finalized|tag:safe|depth:[1-9][0-9]{0,5}|instant)$/;
const ZONE = /^[A-Za-z0-9_+/-]{1,64}$/;
const DAY_CUT = /^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/;

/** A key of the log and the tree sizes at which it counts, both included. */
class KeySpan {
  constructor(verifier, first, last) {
    this.verifier = verifier;
    this.first = first;
    this.last = last;
  }

  covers(size) {
    return BigInt(this.first) <= size && (this.last === null || size <= BigInt(this.last));
  }

  toString() {
    const last = this.last === null ? "any size" : `size ${this.last}`;
    return `${this.verifier.reference}, valid from size ${this.first} to ${last}`;
  }
}

/** Read `trust.json`. Throws MalformedError. */
export async function parseTrust(data) {
  const form = new Form(decodeDocument(data, TRUST), TRUST, "", TRUST_MEMBERS);
  form.choice("media_type", [TRUST_TYPE]);
  const witnesses = new Form(form.raw("witnesses"), TRUST, "witnesses", ["threshold", "keys"]);
  const all = (promises) => Promise.all(promises);
  const trust = {
    data,
    origin: form.text("origin", ORIGIN),
    zone: form.text("zone", ZONE),
    dayCut: form.text("day_cut", DAY_CUT),
    logKeys: await all(form.items("log_keys", readSpan)),
    serviceKeys: await all(form.items("service_keys", readSpan)),
    threshold: witnesses.integer("threshold"),
    witnesses: await all(witnesses.items("keys", (value) => parseWitness(value))),
    parties: await all(form.items("parties", readParty)),
    chain: form.optional("chain", (name) => readChain(form.raw(name))),
    pinnedBlocks: form.items("pinned_blocks", readBlock),
    fingerprint: hex(await sha256(data)),
  };
  checkTrust(trust);
  trust.party = (name) => trust.parties.find((party) => party.name === name);
  trust.openCheckpoint = (note) => {
    const keys = trust.logKeys.map((span) => span.verifier);
    return openCheckpoint(note, trust.origin, keys, trust.witnesses);
  };
  return trust;
}

async function readSpan(value, path) {
  const form = new Form(value, TRUST, path, ["key", "from", "to"]);
  const first = form.integer("from");
  const last = form.optional("to", (name) => form.integer(name, first));
  return new KeySpan(await parseVerifier(form.text("key")), first, last);
}

async function readParty(value, path) {
  const form = new Form(value, TRUST, path, ["name", "roles", "keys"]);
  const roles = form.items("roles", (role, at) => {
    if (!ROLES.includes(role)) throw new MalformedError(TRUST, `${at} is none of ${ROLES.join(", ")}`);
    return role;
  });
  const verifiers = await Promise.all(form.items("keys", (key) => parseVerifier(key)));
  return { name: form.text("name", NAME), roles, verifiers };
}

function readChain(value) {
  const form = new Form(value, TRUST, "chain", CHAIN_TRUST_MEMBERS);
  return {
    chainId: form.integer("chain_id", 1),
    genesis: form.chainHex("genesis", 32),
    contract: form.chainHex("contract", 20),
    codeHash: form.chainHex("code_hash", 32),
    logId: form.chainHex("log_id", 32),
    finality: form.text("finality", FINALITY),
    grade: form.choice("grade", GRADES),
    maxAnchorAge: form.optional("max_anchor_age", (name) => form.integer(name, 1)),
  };
}

function readBlock(value, path) {
  const form = new Form(value, TRUST, path, ["number", "hash"]);
  return { number: form.integer("number"), hash: form.chainHex("hash", 32) };
}

function checkTrust(trust) {
  if (!trust.logKeys.length || !trust.serviceKeys.length) {
    throw new MalformedError(TRUST, "names no log key or no service key");
  }
  if (trust.threshold > trust.witnesses.length) {
    throw new MalformedError(TRUST, "asks for more witnesses than it names");
  }
  unique("party", trust.parties.map((party) => party.name));
  for (const party of trust.parties) {
    unique(`key of party ${party.name}`, party.verifiers.map((verifier) => verifier.reference));
  }
  const keys = (spans) => [...new Set(spans.map((span) => hex(span.verifier.publicKey)))];
  const witnesses = trust.witnesses.map((verifier) => hex(verifier.publicKey));
  unique("witness", witnesses);
  const roles = [...keys(trust.logKeys), ...keys(trust.serviceKeys), ...witnesses];
  if (new Set(roles).size !== roles.length) {
    throw new MalformedError(TRUST, "one key serves in two of the roles log, service and witness");
  }
}

function unique(what, values) {
  if (new Set(values).size !== values.length) throw new MalformedError(TRUST, `the same ${what} twice`);
}
