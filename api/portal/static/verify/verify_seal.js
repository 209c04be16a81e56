// The steps of a seal proof: `seal`, `place`, `claim`, between those that all files share; see
// ledger/proofs/verify_seal.py.
import { concat, equal, hex, sha256, utf8 } from "./bytes.js";
import { atStep, VerificationError } from "./errors.js";
import { parseSealProof, SEAL_PROOF_TYPE } from "./files.js";
import { Ladder, stateParams, wayText } from "./ladder.js";
import { poolKey, verifyPresence, weakAssetKey } from "./register.js";
import { lastSeal, printTotal, sealLeaf, verifyPlace } from "./seal.js";
import { message } from "./words.js";

/** Verify one claim's place in the last seal of its pool, and that the register holds this seal. */
export async function verifySealProof(trust, data, { anchors, require, progress }) {
  const proof = await parseSealProof(data);
  const ladder = await Ladder.begin(trust, data, "seal_proof", progress);
  const opened = await ladder.openFile(proof, SEAL_PROOF_TYPE);
  const register = await ladder.register(opened, proof.register);
  await checkSeal(ladder, proof, register);
  await checkSealPlace(ladder, proof);
  await checkSealClaim(ladder, proof);
  await ladder.climb(opened, anchors, require);
  return ladder.verdict("seal_proof", { size: opened.size, root: opened.root, index: null, seal: proof });
}

async function checkSeal(ladder, proof, register) {
  const { header, pool } = proof;
  const key = await poolKey(header.pool);
  const value = concat(pool.head, await lastSeal(pool.seals));
  const way = await atStep("seal", { seal: hex(header.seal) }, async () => {
    const found = await verifyPresence(register.root, key, value, pool.proof);
    const sealed = pool.seals.find(([currency]) => currency === header.currency);
    if (!sealed || !equal(sealed[1], header.seal)) {
      throw new VerificationError(`the register's seal of this pool in ${header.currency} is another one`);
    }
    // The record of the seal stands between the size that it seals and this register.
    if (BigInt(header.size) >= register.index) {
      throw new VerificationError(`it seals size ${header.size}, which is not before the register`);
    }
    return found;
  });
  const { total, currency } = header;
  const params = {
    pool: header.pool,
    size: header.size,
    as_of: header.asOf,
    count: total.count,
    currency,
    receivable: printTotal(total.receivable, currency),
    credit: printTotal(total.credit, currency),
    version: header.rulesVersion,
  };
  const detail =
    header.restates === null
      ? message("seal.detail", params)
      : message("seal.restating", { ...params, restates: hex(header.restates) });
  ladder.held("seal", message("seal"), detail, [
    ["header", header.text],
    ["seal", hex(header.seal)],
    ["map_key", hex(key)],
    ["map_value", hex(value)],
    ["way", wayText(way)],
    ["register_root", hex(register.root)],
  ]);
  ladder.leaves("seal_completeness");
}

async function checkSealPlace(ladder, proof) {
  const { header, leaf, index } = proof;
  const way = await verifyPlace(header.total, leaf, BigInt(index), proof.path);
  const params = {
    number: index + 1,
    count: header.total.count,
    share: leaf.share,
    receivable: printTotal(leaf.receivable, header.currency),
    credit: printTotal(leaf.credit, header.currency),
  };
  ladder.held("place", message("place"), message("place.detail", params), [
    ["leaf", hex(sealLeaf(leaf))],
    ["way", wayText(way)],
    ["root", hex(header.total.hash)],
  ]);
  ladder.leaves("seal_amounts");
}

async function checkSealClaim(ladder, proof) {
  const { header, state, leaf } = proof;
  if (state === null) {
    ladder.leaves("seal_state", message("seal_without_state"));
    return;
  }
  await atStep("claim", {}, async () => {
    if (!equal(await sha256(utf8(state.text)), leaf.state)) {
      throw new VerificationError("the state shown is not the one in the seal");
    }
    if (state.lastIndex >= header.size - 1 || state.currency !== header.currency) {
      throw new VerificationError("the state is of a record after the sealed size, or in another currency");
    }
  });
  const detail = message("sealed_claim.detail", stateParams(state));
  ladder.held("claim", message("sealed_claim"), detail, [["state", state.text]]);
  ladder.leaves("seal_state");
  if (equal(proof.assetKey, await weakAssetKey(proof.origin, state.loan, state.claim))) ladder.leaves("weak_asset_key");
}
