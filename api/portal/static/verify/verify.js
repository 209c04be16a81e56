// The verifier: a trust root and a file go in, a verdict or the step that failed comes out. Steps, their order, their
// names and their words are those of ledger/proofs/verify.py; tests/portal compares them on the golden vectors.
//
// Every parameter comes from the trust root, none from the file.
import { base64, concat, equal, hex, sha256, utf8 } from "./bytes.js";
import { canonicalText, decodeFile } from "./canonical.js";
import { checkSignature, readSignature } from "./documents.js";
import { atStep, InconsistencyError, MalformedError, UndeterminedError, VerificationError } from "./errors.js";
import {
  ACCEPTANCE_TYPE, CLAIM_PROOF_TYPE, parseAcceptance, parseClaimProof, parseReceipt, RECEIPT_TYPE, SEAL_PROOF_TYPE,
} from "./files.js";
import { Ladder, stateParams, wayText } from "./ladder.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { disclosureDigest, parseRecord, PLEDGE_TYPES, pledgeAcceptanceBytes, statementBytes } from "./record.js";
import {
  claimKey, recordEntry, verifyAbsence, verifyHistory, verifyPresence, weakAssetKey, WHOLE,
} from "./register.js";
import { verifySealProof } from "./verify_seal.js";
import { message, say } from "./words.js";

/**
 * Verify a file of any kind, told apart by its media type. `earlier` is an older claim proof's bytes; `progress.steps`
 * are the steps that held, also where a later one fails.
 */
export async function verifyFile(trust, data, given = {}) {
  const value = decodeFile(data, "file");
  const options = { anchors: null, require: null, earlier: null, progress: {}, ...given };
  const { require } = options;
  switch (value?.media_type) {
    case RECEIPT_TYPE:
      return verifyReceipt(trust, data, options);
    case CLAIM_PROOF_TYPE:
      return verifyClaimProof(trust, data, options);
    case SEAL_PROOF_TYPE:
      return verifySealProof(trust, data, options);
    case ACCEPTANCE_TYPE:
      if (require) throw new UndeterminedError(`level ${require} needs the receipt: an acceptance is a promise`);
      return verifyAcceptance(trust, data, options);
    default:
      throw new MalformedError("file", "its media_type is none that this verifier knows");
  }
}

// ------------------------------------------------------------------------------------------------ receipts

async function verifyReceipt(trust, data, { anchors, require, progress }) {
  const receipt = parseReceipt(data);
  const ladder = await Ladder.begin(trust, data, "receipt", progress);
  const opened = await ladder.openFile(receipt, RECEIPT_TYPE);
  const record = await checkRecord(ladder, receipt);
  const disclosures = await checkDisclosures(ladder, receipt, record);
  await checkStatement(ladder, record);
  await checkPledge(ladder, record);
  const entry = recordEntry(record.digest);
  const way = await atStep("inclusion", {}, async () => {
    const index = BigInt(receipt.index);
    if (index >= opened.size - 1n) {
      throw new VerificationError(`index ${index} is not below that of the register entry`);
    }
    return verifyInclusion(index, opened.size, await leafHash(entry), receipt.proof, opened.root);
  });
  ladder.held(
    "inclusion",
    message("inclusion"),
    message("inclusion.detail", { index: receipt.index, size: opened.size }),
    [["entry", hex(entry)], ["way", wayText(way)], ["root", hex(opened.root)]],
  );
  await ladder.register(opened, receipt.register);
  ladder.leaves("completeness");
  if (record.sig === null) ladder.leaves("statement");
  if (record.type === "loan.opened") ladder.leaves("opening_position");
  await ladder.climb(opened, anchors, require);
  const { size, root } = opened;
  return ladder.verdict("receipt", { size, root, index: receipt.index, record, disclosures });
}

async function checkRecord(ladder, receipt) {
  const record = await atStep("record", {}, async () => {
    const found = await parseRecord(receipt.record);
    if (found.origin !== receipt.origin) throw new VerificationError(`the record is of the log ${found.origin}`);
    return found;
  });
  const { type, id, party, subject, seq, effective, text, digest } = record;
  ladder.held("record", message("record"), message("record.detail", { type, id, party, subject, seq, effective }), [
    ["record", text],
    ["digest", hex(digest)],
  ]);
  return record;
}

async function checkDisclosures(ladder, receipt, record) {
  const shown = new Map();
  const bytes = [];
  await atStep("disclosures", {}, async () => {
    for (const disclosure of receipt.disclosures) {
      const [, name, value] = disclosure;
      const quoted = `'${name}'`;
      const digest = await disclosureDigest(disclosure);
      if (!record.hidden.includes(digest)) {
        throw new VerificationError(`the record commits to no such value of ${quoted}`);
      }
      if (shown.has(name) || Object.hasOwn(record.data, name)) {
        throw new VerificationError(`${quoted} repeats or shadows another member`);
      }
      shown.set(name, value);
      bytes.push(["disclosure", `${canonicalText(disclosure)}\n${digest}`]);
    }
  });
  const detail = message("disclosures.detail", { shown: shown.size, all: record.hidden.length });
  ladder.held("disclosures", message("disclosures"), detail, bytes);
  return shown;
}

async function checkStatement(ladder, record) {
  const step = "statement_signature";
  if (record.sig === null) {
    if (record.mustBeSigned) {
      throw new VerificationError(`${record.type} is nothing without its party's signature`, { step });
    }
    ladder.held(step, message("by_platform"), message("did_not_sign", { party: record.party }));
    return;
  }
  const signed = statementBytes(record);
  const key = await partySignature(ladder.trust, record.party, record.sig, signed, step);
  const detail = message("verbatim", { text: record.sig.key });
  ladder.held(step, message(step, { party: record.party }), detail, signatureBytes(signed, record.sig, key));
}

async function checkPledge(ladder, record) {
  if (!PLEDGE_TYPES.includes(record.type)) return;
  const step = "pledge_acceptance";
  const { data } = record;
  if ((data.acceptance ?? null) === null) {
    ladder.held(step, message("by_platform"), message("pledgee_did_not_sign"));
    return;
  }
  const { holder } = data;
  const [signature, signed, key] = await atStep(step, {}, async () => {
    const given = readSignature(data.acceptance, "record", "data.acceptance");
    if (typeof holder !== "string") throw new VerificationError("the record names no holder");
    const text = pledgeAcceptanceBytes(record.origin, record.subject.replace(/^pool:/, ""), holder, data.claims);
    return [given, text, await partySignature(ladder.trust, holder, given, text, step)];
  });
  const detail = message("verbatim", { text: signature.key });
  ladder.held(step, message(step, { holder }), detail, signatureBytes(signed, signature, key));
}

const signatureBytes = (signed, signature, key) => [
  ["signed_text", new TextDecoder().decode(signed)],
  ["signature", hex(signature.value)],
  ["public_key", hex(key.publicKey)],
];

async function partySignature(trust, name, signature, signed, step) {
  const party = trust.party(name);
  if (party === undefined) {
    const evidence = { key: signature.key };
    throw new VerificationError(`the trust root knows no party ${name}, so no key of it`, { step, evidence });
  }
  return checkSignature(signature, signed, party.verifiers, step);
}

// -------------------------------------------------------------------------------------------- claim proofs

async function verifyClaimProof(trust, data, { anchors, require, earlier, progress }) {
  const proof = await parseClaimProof(data);
  const ladder = await Ladder.begin(trust, data, "claim_proof", progress);
  const opened = await ladder.openFile(proof, CLAIM_PROOF_TYPE);
  const register = await ladder.register(opened, proof.register);
  await checkPlace(ladder, proof, register);
  if (earlier === null) ladder.leaves("earlier_registers");
  else {
    const older = await verifyClaimProof(trust, earlier, { anchors: null, earlier: null, progress: {} });
    await checkGrowth(ladder, older, proof, opened);
  }
  await ladder.climb(opened, anchors, require);
  return ladder.verdict("claim_proof", { size: opened.size, root: opened.root, index: null, claim: proof });
}

async function checkPlace(ladder, proof, register) {
  const key = await claimKey(proof.assetKey);
  const { encumbrance, state } = proof;
  const keys = [["asset_key", hex(proof.assetKey)], ["map_key", hex(key)]];
  const root = ["register_root", hex(register.root)];
  if (encumbrance === null) {
    const way = await atStep("absence", {}, () => verifyAbsence(register.root, key, proof.proof));
    ladder.held("absence", message("absence"), null, [...keys, ["way", wayText(way)], root]);
    ladder.leaves("other_registers");
    return;
  }
  const value = concat(await sha256(encumbrance.data), await sha256(utf8(state.text)));
  const way = await atStep("presence", {}, () => verifyPresence(register.root, key, value, proof.proof));
  const names = new Map(proof.history.flatMap((link) => link.holdings.map((one) => [hex(one.holder), one.party])));
  const held = encumbrance.holders.map(({ holder, share }) => `${names.get(hex(holder)) || hex(holder)} ${share} ppm`);
  const place = held.length ? message("presence.held", { holders: held.join(", ") }) : message("presence.free");
  ladder.held("presence", message("presence"), place, [
    ...keys,
    ["encumbrance", hex(encumbrance.data)],
    ["map_value", hex(value)],
    ["way", wayText(way)],
    root,
  ]);
  await atStep("claim", {}, () => {
    if (BigInt(state.lastIndex) >= register.index) {
      throw new VerificationError("the state is of a record after the register");
    }
    const indexes = proof.history.map((link) => link.index);
    const sorted = indexes.every((index, at) => at === 0 || indexes[at - 1] <= index);
    if (!sorted || (indexes.length && BigInt(indexes.at(-1)) >= register.index)) {
      throw new VerificationError("the changes are not in the order of the log, before the register");
    }
  });
  const detail = message("claim.detail", { ...stateParams(state), taken: encumbrance.taken, whole: WHOLE });
  ladder.held("claim", message("claim"), detail, [["state", state.text]]);
  if (equal(proof.assetKey, await weakAssetKey(proof.origin, state.loan, state.claim))) ladder.leaves("weak_asset_key");
  const digests = await verifyHistory(null, encumbrance, proof.history);
  const changes = proof.history.map((link, at) => {
    const holders = link.holdings.map((one) => `${one.party ?? hex(one.holder)} ${one.share} ppm`).join(", ");
    return `${at + 1}  record ${link.index}, ${hex(link.digest)}\n   ${holders || "—"}\n   ${hex(digests[at])}`;
  });
  const versions = message("history.detail", { version: encumbrance.version });
  ladder.held("history", message("history"), versions, changes.length ? [["changes", changes.join("\n")]] : []);
  if (proof.history.length) ladder.leaves("history_records");
}

async function checkGrowth(ladder, older, proof, opened) {
  const before = older.claim;
  await atStep("history", {}, async () => {
    if (!equal(before.assetKey, proof.assetKey)) throw new UndeterminedError("the earlier proof is of another claim");
    if (older.size > opened.size) throw new UndeterminedError("the earlier proof is of a later register");
    const evidence = { older: before.checkpoint, newer: proof.checkpoint };
    if (older.size === opened.size && !equal(older.root, opened.root)) {
      throw new InconsistencyError(`the log published two roots of size ${older.size}`, { evidence });
    }
    if (before.encumbrance === null) return;
    if (proof.encumbrance === null) {
      throw new InconsistencyError("a claim that was in the register is no longer in it", { evidence });
    }
    try {
      const links = proof.history.slice(Number(before.encumbrance.version));
      await verifyHistory(before.encumbrance, proof.encumbrance, links);
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      throw new InconsistencyError(error.reason, { evidence: { ...error.evidence, ...evidence } });
    }
    if (proof.state.count < before.state.count) {
      throw new InconsistencyError("the loan has fewer events than before", { evidence });
    }
  });
  ladder.held("history", message("grew"), message("grew.detail", { size: older.size }), [["note", before.checkpoint]]);
}

// --------------------------------------------------------------------------------------------- acceptances

async function verifyAcceptance(trust, data, { progress }) {
  const acceptance = parseAcceptance(data);
  const { first, count, index, digest, id, party, origin, posted } = acceptance;
  const ladder = await Ladder.begin(trust, data, "acceptance", progress);
  ladder.sameLog(origin, null);
  const signed = canonicalText({
    media_type: ACCEPTANCE_TYPE,
    origin,
    posted,
    anchor_by: acceptance.anchorBy,
    batch: { first, count, root: base64(acceptance.root) },
  });
  await ladder.serviceSignature(acceptance.signature, utf8(`${ACCEPTANCE_TYPE}\n${signed}`), BigInt(first + count));
  const leaf = canonicalText([digest, id, index, party]);
  const way = await atStep("inclusion", {}, async () =>
    verifyInclusion(
      BigInt(index - first), BigInt(count), await leafHash(utf8(leaf)), acceptance.proof, acceptance.root,
    ),
  );
  const detail = message("accepted.detail", { id, party, index, anchor_by: acceptance.anchorBy });
  ladder.held("inclusion", message("accepted"), detail, [
    ["leaf", leaf],
    ["way", wayText(way)],
    ["root", hex(acceptance.root)],
  ]);
  ladder.leaves("inclusion");
  return ladder.verdict("acceptance", { size: null, root: null, index, acceptance });
}

/** The verdict as `Verdict.to_json` of ledger/proofs/verdict.py prints it, with its words in English. */
export function verdictJson(verdict) {
  const { record } = verdict;
  const english = (one) => (one === null ? "" : say("en", one));
  return {
    verified: true,
    kind: verdict.kind,
    origin: verdict.trust.origin,
    trust_root: verdict.trust.fingerprint,
    chain_grade: verdict.grade,
    level: verdict.level,
    levels: verdict.levels,
    size: verdict.size === null ? null : Number(verdict.size),
    root: verdict.root === null ? null : hex(verdict.root),
    index: verdict.index,
    record: record
      ? {
          id: record.id,
          type: record.type,
          subject: record.subject,
          seq: record.seq,
          effective: record.effective,
          posted: record.posted,
          party: record.party,
          digest: hex(record.digest),
          signed: record.sig !== null,
        }
      : null,
    steps: verdict.steps.map(({ name, proves, detail }) => ({
      name,
      proves: english(proves),
      detail: english(detail),
    })),
    not_checked: verdict.notChecked.map(({ name, says }) => ({ name, says: english(says) })),
    warnings: verdict.warnings.map(english),
  };
}
