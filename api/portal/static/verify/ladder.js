// The steps that all verifications share, from the trust root up to the chain; see ledger/proofs/ladder.py.
//
// A step that held is {name, proves, detail, bytes}: two messages (see words.js), and what was hashed or compared,
// as [label key, text] pairs, so that a reader can redo it.
import { compareBytes, equal, hex, sha256 } from "./bytes.js";
import { checkSignature, signedPart } from "./documents.js";
import { atStep, InconsistencyError, UnavailableError, UndeterminedError, VerificationError } from "./errors.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { parseEntry } from "./register.js";
import { message, say } from "./words.js";

export const LEVELS = ["published", "cosigned", "anchored", "final"];
const NO_FINGERPRINT = "0".repeat(64);

export const showChain = ({ logId, contract, chainId }) =>
  `log 0x${hex(logId)} in contract 0x${hex(contract)} on chain ${chainId}`;

/** The way of a proof, one line for each node, as bytes to show. */
export function wayText(way) {
  return way
    .map(({ hash, sibling, side, bit }) => {
      if (side === "leaf") return `leaf   ${hex(hash)}`;
      const at = bit === undefined ? "" : `bit ${bit}: `;
      const pair = side === "left" ? `${hex(sibling)} · ↑` : `↑ · ${hex(sibling)}`;
      return `${at}${pair}\n       ${hex(hash)}`;
    })
    .join("\n");
}

/** What the sentences about a claim's state say of it. */
export const stateParams = ({ claim, loan, status, principal, currency, count }) => ({
  claim, loan, status, principal, currency, count,
});

/** One verification: the steps that held so far, and what they showed. Each method takes one step. */
export class Ladder {
  constructor(trust) {
    this.trust = trust;
    this.steps = [];
    this.levels = [];
    this.notChecked = [];
    this.warnings = [];
    this.missing = {};
  }

  held(name, proves, detail = null, bytes = []) {
    this.steps.push({ name, proves, detail, bytes });
  }

  leaves(name, says = message(`not.${name}`)) {
    this.notChecked.push({ name, says });
  }

  /** A ladder whose first step held: the file `data` was read as one of its kind. `progress` is given its steps. */
  static async begin(trust, data, kind, progress) {
    const ladder = new Ladder(trust);
    progress.steps = ladder.steps;
    const bytes = [["file_digest", hex(await sha256(data))], ["file_size", String(data.length)]];
    ladder.held("form", message(`form.${kind}`), null, bytes);
    return ladder;
  }

  /** From the trust root to the file's signature; returns the checkpoint. */
  async openFile(file, mediaType) {
    this.sameLog(file.origin, file.chain);
    const opened = await this.checkpoint(file.checkpoint);
    await this.serviceSignature(file.signature, signedPart(file.text, mediaType), opened.size);
    return opened;
  }

  sameLog(origin, chain) {
    const { trust } = this;
    const step = "trust_root";
    if (origin !== trust.origin) {
      throw new VerificationError(`the file is of the log ${origin}, the trust root of ${trust.origin}`, {
        step,
        evidence: { origin, expected: trust.origin },
      });
    }
    if (chain !== null) {
      if (trust.chain === null) {
        const reason = "the file names a chain, the trust root none: it is older than the log's contract";
        throw new VerificationError(reason, { step, evidence: { found: showChain(chain) } });
      }
      const found = showChain(chain);
      const expected = showChain(trust.chain);
      for (const [member, same] of [
        ["chain id", chain.chainId === trust.chain.chainId],
        ["contract", equal(chain.contract, trust.chain.contract)],
        ["log id", equal(chain.logId, trust.chain.logId)],
      ]) {
        if (!same) {
          throw new VerificationError(
            `the ${member} is another than the trust root's: ${found}, expected ${expected}`,
            { step, evidence: { found, expected } },
          );
        }
      }
    }
    const bytes = [
      ["origin", origin],
      ["fingerprint", trust.fingerprint],
      ...(chain === null ? [] : [["chain", showChain(chain)]]),
    ];
    this.held(step, message("trust_root"), message("trust_root.detail", { fingerprint: trust.fingerprint }), bytes);
  }

  async checkpoint(note) {
    const [opened, key] = await atStep("checkpoint", { checkpoint: note }, async () => {
      const found = await this.trust.openCheckpoint(note);
      // By name and key id, since one key may stand in two spans; two keys of one name were refused.
      const signed = found.signed.map((verifier) => verifier.reference);
      const spans = this.trust.logKeys.filter((span) => signed.includes(span.verifier.reference));
      const valid = spans.filter((span) => span.covers(found.size));
      if (!valid.length) {
        throw new VerificationError(`no log key signed that is valid at size ${found.size}: ${spans.join("; ")}`);
      }
      return [found, valid[0].verifier];
    });
    this.held(
      "checkpoint",
      message("checkpoint"),
      message("checkpoint.detail", { size: opened.size, key: key.reference }),
      [["note", note], ["root", hex(opened.root)], ["public_key", hex(key.publicKey)]],
    );
    return opened;
  }

  async serviceSignature(signature, signed, size) {
    const step = "service_signature";
    const key = await atStep(step, {}, async () => {
      for (const span of this.trust.serviceKeys) {
        if (span.verifier.reference === signature.key && !span.covers(size)) {
          throw new VerificationError(`not valid at size ${size}: ${span}`);
        }
      }
      const valid = this.trust.serviceKeys.filter((span) => span.covers(size)).map((span) => span.verifier);
      return checkSignature(signature, signed, valid, step);
    });
    this.held(step, message(step), message("verbatim", { text: signature.key }), [
      ["signed_digest", hex(await sha256(signed))],
      ["signature", hex(signature.value)],
      ["public_key", hex(key.publicKey)],
    ]);
  }

  async register(checkpoint, leaf) {
    const [register, way] = await atStep("register", {}, async () => {
      if (checkpoint.size === 0n) throw new VerificationError("an empty tree has no register entry");
      const found = parseEntry(leaf.entry);
      if (found === null) throw new VerificationError("the last leaf is a record, no register entry");
      const last = checkpoint.size - 1n;
      if (found.index !== last) {
        throw new VerificationError(`the register entry is that of index ${found.index}, not of ${last}`);
      }
      const hash = await leafHash(leaf.entry);
      return [found, await verifyInclusion(last, checkpoint.size, hash, leaf.proof, checkpoint.root)];
    });
    const { index, count, root } = register;
    this.held("register", message("register"), message("register.detail", { index, count, root: hex(root) }), [
      ["entry", hex(leaf.entry)],
      ["way", wayText(way)],
      ["root", hex(checkpoint.root)],
    ]);
    return register;
  }

  /** As high as the inputs allow; `anchors` answers `rootAt(size)`, or is null. */
  async climb(opened, anchors, require) {
    this.levels.push("published");
    const view = await this.ask(opened.size, anchors);
    await this.cosignatures(opened, view);
    if (view !== null) await this.anchor(opened, view);
    if (require && !this.levels.includes(require)) {
      throw new UndeterminedError(`level ${require} was not shown: ${say("en", this.missing[require])}`);
    }
  }

  async ask(size, anchors) {
    let reason;
    if (this.trust.chain === null) reason = message("no_chain");
    else if (anchors === null) reason = message("no_anchors");
    else {
      try {
        return await anchors.rootAt(size);
      } catch (error) {
        if (!(error instanceof UndeterminedError || error instanceof UnavailableError)) throw error;
        reason = message("verbatim", { text: error.message });
      }
    }
    this.missing.anchored = this.missing.final = reason;
    this.leaves("anchor", message("anchor_missing", { reason }));
    return null;
  }

  async cosignatures(opened, view) {
    const { threshold } = this.trust;
    if (view !== null && view.cosignatures?.length && view.size === opened.size) {
      opened = await atStep("cosignatures", {}, () =>
        this.trust.openCheckpoint(opened.text + view.cosignatures.join("")),
      );
    }
    const seen = opened.cosigned.map((verifier) => verifier.reference);
    if (threshold === 0) {
      this.missing.cosigned = message("no_witness_policy");
      this.leaves("witnesses");
    } else if (seen.length < threshold) {
      const reason = message("too_few_witnesses", { seen: seen.length, threshold });
      this.missing.cosigned = reason;
      this.leaves("witnesses", message("witnesses_missing", { reason }));
    } else {
      this.levels.push("cosigned");
      const params = { seen: seen.length, threshold, keys: seen.join(", ") };
      const detail = message("cosignatures.detail", params);
      this.held("cosignatures", message("cosignatures"), detail, [["note", opened.text]]);
    }
  }

  async anchor(checkpoint, view) {
    this.currentTrust(view);
    const evidence = {
      checkpoint: { size: Number(checkpoint.size), root: hex(checkpoint.root) },
      contract: { size: Number(view.size), root: hex(view.root), seen: say("en", view.describes) },
    };
    await atStep("anchor", evidence, () => {
      if (view.size !== checkpoint.size) throw new VerificationError("the anchor is of another size");
      if (compareBytes(view.root, checkpoint.root) !== 0) {
        const reason = `the contract holds another root at size ${view.size} than the log published`;
        throw new InconsistencyError(reason);
      }
    });
    this.held("anchor", message("anchor"), view.describes, [
      ["contract_root", hex(view.root)],
      ["root", hex(checkpoint.root)],
      ...view.bytes,
    ]);
    this.levels.push("anchored");
    for (const item of view.notChecked) this.leaves(...item);
    if (view.level === "final") {
      this.levels.push("final");
      this.held("finality", message("finality"), view.describes);
    } else {
      this.missing.final = message("not_final", { seen: view.describes });
    }
  }

  currentTrust(view) {
    const { chain, fingerprint } = this.trust;
    if (view.fingerprint === NO_FINGERPRINT) this.warnings.push(message("no_fingerprint"));
    else if (view.fingerprint !== null && view.fingerprint !== fingerprint) {
      const reason = "the trust root is stale or not the log's: the contract carries another fingerprint";
      const evidence = { contract: view.fingerprint, given: fingerprint };
      throw new VerificationError(reason, { step: "trust_root", evidence });
    }
    if (chain.maxAnchorAge !== null && view.anchorAge !== null && view.anchorAge > chain.maxAnchorAge) {
      this.warnings.push(message("old_anchor", { age: view.anchorAge, most: chain.maxAnchorAge }));
    }
  }

  verdict(kind, facts) {
    const { trust } = this;
    for (const name of ["truth", "off_log", "independence"]) this.leaves(name);
    this.leaves("trust_root", message("trust_root_origin", { fingerprint: trust.fingerprint }));
    if (trust.chain !== null) this.leaves("chain_grade", message(`grade_${trust.chain.grade}`));
    const levels = LEVELS.filter((level) => this.levels.includes(level));
    return {
      kind,
      trust,
      grade: trust.chain?.grade ?? null,
      level: levels.at(-1) ?? null,
      levels,
      steps: this.steps,
      notChecked: this.notChecked,
      warnings: this.warnings,
      ...facts,
    };
  }
}
