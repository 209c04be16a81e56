// The files that are verified, read strictly: receipt, claim proof, seal proof, acceptance; reading verifies their
// form, nothing else. See the modules of these names in ledger/proofs.
import { equal, hex, textOf, unhex } from "./bytes.js";
import { decodeDocument, Form, INSTANT, MAX_PROOF, NAME, ORIGIN, readBinding, readSignature } from "./documents.js";
import { MalformedError } from "./errors.js";
import { claimKey, holderId, parseEncumbrance, parseState, readMapProof, WHOLE } from "./register.js";
import { parseHeader, parseTotal } from "./seal.js";

const TYPE_OF = (name) => `application/vnd.poolproof.${name}.v1+json`;
export const RECEIPT_TYPE = TYPE_OF("receipt");
export const CLAIM_PROOF_TYPE = TYPE_OF("claim-proof");
export const SEAL_PROOF_TYPE = TYPE_OF("seal-proof");
export const ACCEPTANCE_TYPE = TYPE_OF("acceptance");
export const EVIDENCE_TYPE = TYPE_OF("evidence");

const RECEIPT_MEMBERS = [
  "media_type", "origin", "chain_id", "contract", "log_id", "index", "record", "disclosures", "proof", "checkpoint",
  "register", "signature",
];
const CLAIM_PROOF_MEMBERS = [
  "media_type", "origin", "chain_id", "contract", "log_id", "checkpoint", "register", "presence", "asset_key", "mpt",
  "encumbrance", "state", "history", "signature",
];
const SEAL_PROOF_MEMBERS = [
  "media_type", "origin", "chain_id", "contract", "log_id", "checkpoint", "register", "pool", "header", "leaf", "index",
  "path", "state", "signature",
];
const ACCEPTANCE_MEMBERS = [
  "media_type", "origin", "id", "party", "digest", "index", "posted", "anchor_by", "batch", "proof", "signature",
];

function readRegister(value, what) {
  const form = new Form(value, what, "register", ["entry", "proof"]);
  return { entry: form.base64("entry"), proof: form.proof("proof") };
}

const common = (form, what, data) => ({
  text: textOf(data, what),
  origin: form.text("origin", ORIGIN),
  chain: readBinding(form, what),
  checkpoint: form.text("checkpoint"),
  register: readRegister(form.raw("register"), what),
  signature: readSignature(form.raw("signature"), what, "signature"),
});

export function parseReceipt(data) {
  const what = "receipt";
  const form = new Form(decodeDocument(data, what), what, "", RECEIPT_MEMBERS);
  form.choice("media_type", [RECEIPT_TYPE]);
  return {
    ...common(form, what, data),
    index: form.integer("index"),
    record: form.text("record"),
    disclosures: form.items("disclosures", readDisclosure),
    proof: form.proof("proof"),
  };
}

function readDisclosure(value, path) {
  const what = "receipt";
  if (!Array.isArray(value) || value.length !== 3) throw new MalformedError(what, `${path} is not [salt, name, value]`);
  const [salt, name] = value;
  if (typeof salt !== "string" || !/^[0-9a-f]{32}$/.test(salt)) {
    throw new MalformedError(what, `${path} has no salt of 32 hex digits`);
  }
  if (typeof name !== "string") throw new MalformedError(what, `${path} has no name`);
  return value;
}

export async function parseClaimProof(data) {
  const what = "claim proof";
  const form = new Form(decodeDocument(data, what), what, "", CLAIM_PROOF_MEMBERS);
  form.choice("media_type", [CLAIM_PROOF_TYPE]);
  const proof = {
    ...common(form, what, data),
    presence: form.boolean("presence"),
    assetKey: form.hex("asset_key", 32),
    proof: readMapProof(form.raw("mpt")),
    encumbrance: form.optional("encumbrance", (name) => parseEncumbrance(form.base64(name))),
    state: form.optional("state", (name) => parseState(form.text(name))),
    history: await Promise.all(form.items("history", readLink)),
  };
  const given = [proof.encumbrance !== null, proof.state !== null];
  if (given.some((one) => one !== proof.presence) || (proof.history.length && !proof.presence)) {
    throw new MalformedError(what, "a present claim has encumbrance and state, an absent one neither");
  }
  return proof;
}

async function readLink(value, path) {
  const form = new Form(value, "claim proof", path, ["digest", "index", "holders"]);
  return {
    digest: form.hex("digest", 32),
    index: form.integer("index"),
    holdings: await Promise.all(form.items("holders", readHolding, 255)),
  };
}

async function readHolding(value, path) {
  const form = new Form(value, "claim proof", path, ["party", "holder", "share"]);
  const holder = form.hex("holder", 32);
  const party = form.optional("party", (name) => form.text(name, NAME));
  if (party !== null && !equal(await holderId(party), holder)) form.fail("party", "is not the name of this holder");
  return { holder, party, share: form.integer("share", 1, WHOLE) };
}

export async function parseSealProof(data) {
  const what = "seal proof";
  const form = new Form(decodeDocument(data, what), what, "", SEAL_PROOF_MEMBERS);
  form.choice("media_type", [SEAL_PROOF_TYPE]);
  const header = await parseHeader(form.text("header"));
  const { currency } = header;
  const leaf = new Form(form.raw("leaf"), what, "leaf", ["asset_key", "share", "receivable", "credit", "state"]);
  const assetKey = leaf.hex("asset_key", 32);
  const proof = {
    ...common(form, what, data),
    pool: readPool(form.raw("pool")),
    header,
    assetKey,
    leaf: {
      key: await claimKey(assetKey),
      share: leaf.integer("share", 1, WHOLE),
      receivable: parseTotal(leaf.raw("receivable"), currency),
      credit: parseTotal(leaf.raw("credit"), currency),
      state: leaf.hex("state", 32),
    },
    index: form.integer("index"),
    path: form.items("path", (value, path) => readSibling(value, path, currency), MAX_PROOF),
    state: form.optional("state", (name) => parseState(form.text(name))),
  };
  if (proof.leaf.receivable && proof.leaf.credit) {
    throw new MalformedError("seal leaf", "a claim is receivable or a credit, not both");
  }
  return proof;
}

function readPool(value) {
  const what = "seal proof";
  const form = new Form(value, what, "pool", ["head", "seals", "mpt"]);
  const seals = form.items("seals", (one, path) => {
    if (!Array.isArray(one) || one.length !== 2 || typeof one[0] !== "string" || !/^[A-Z]{3}$/.test(one[0])) {
      throw new MalformedError(what, `${path} is not [currency, seal]`);
    }
    return [one[0], unhex(one[1], 32, `${what}, ${path}`)];
  }, 256);
  if (seals.some(([currency], at) => at > 0 && seals[at - 1][0] >= currency)) {
    form.fail("seals", "do not rise by currency");
  }
  return { head: form.hex("head", 32), seals, proof: readMapProof(form.raw("mpt")) };
}

function readSibling(value, path, currency) {
  const form = new Form(value, "seal proof", path, ["hash", "receivable", "credit"]);
  return {
    hash: form.base64("hash", 32),
    receivable: parseTotal(form.raw("receivable"), currency),
    credit: parseTotal(form.raw("credit"), currency),
  };
}

export function parseAcceptance(data) {
  const what = "acceptance";
  const form = new Form(decodeDocument(data, what), what, "", ACCEPTANCE_MEMBERS);
  form.choice("media_type", [ACCEPTANCE_TYPE]);
  const batch = new Form(form.raw("batch"), what, "batch", ["first", "count", "root"]);
  const first = batch.integer("first");
  const count = batch.integer("count", 1, 2 ** 40);
  const index = form.integer("index");
  if (index < first || index >= first + count || first + count > Number.MAX_SAFE_INTEGER) {
    throw new MalformedError(what, `index ${index} is not in the batch ${first} … ${first + count - 1}`);
  }
  return {
    origin: form.text("origin", ORIGIN),
    posted: form.text("posted", INSTANT),
    anchorBy: form.text("anchor_by", INSTANT),
    first,
    count,
    index,
    root: batch.base64("root", 32),
    id: form.text("id", NAME),
    party: form.text("party", NAME),
    digest: hex(form.hex("digest", 32)),
    proof: form.proof("proof"),
    signature: readSignature(form.raw("signature"), what, "signature"),
  };
}
