// Verdicts as elements. Text goes in as text, never as markup, and what comes from files is isolated, so that no
// character in it can turn the direction of what stands around it.
import { hex } from "./bytes.js";
import { canonicalText } from "./canonical.js";
import { LEVELS } from "./ladder.js";
import { printTotal } from "./seal.js";
import { text } from "./texts.js";
import { say } from "./words.js";

const MARKS = { good: "✓", bad: "✕", open: "?" };

/** An element with attributes and children; strings become text. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Put `children` in the place of what `node` holds. */
export function replaceWith(node, children) {
  node.replaceChildren(...children.filter((child) => child !== null));
}

/** One file's card. `result` is {file, verdict} or {file, failed, step, steps} or {file, undecided, steps}. */
export function showVerdict(language, result) {
  const t = (key, params) => text(language, key, params);
  const { file, verdict, failed, undecided } = result;
  const kind = verdict?.kind ?? "file";
  const said = (messages) => messages.map((one) => say(language, one));
  const tone = verdict ? "good" : failed ? "bad" : "open";
  return make(
    "article",
    { class: `card verdict ${tone}`, "data-outcome": verdict ? "valid" : failed ? "invalid" : "undetermined" },
    make(
      "div",
      { class: "banner" },
      make("span", { class: "mark", "aria-hidden": "true" }, MARKS[tone]),
      make(
        "div",
        {},
        make("p", { class: "file" }, `${t(`kind_${kind}`)} · `, make("bdi", {}, file.name)),
        make("h3", {}, ...sentences(t, result)),
      ),
    ),
    verdict && verdict.levels.length ? levels(t, verdict) : null,
    failed ? failure(t, result) : null,
    undecided ? make("p", { class: "body" }, make("bdi", {}, undecided.message)) : null,
    verdict?.warnings.length ? listed("warn", t("warnings"), null, said(verdict.warnings)) : null,
    verdict ? facts(t, verdict) : null,
    steps(t, language, result),
    verdict
      ? listed("trust", t("not_checked"), t("not_checked_hint"), said(verdict.notChecked.map(({ says }) => says)))
      : null,
  );
}

function sentences(t, { verdict, failed, step }) {
  if (failed) return [t("verdict_invalid", { step })];
  if (!verdict) return [t("verdict_undetermined")];
  const which =
    verdict.kind === "claim_proof" ? (verdict.claim.presence ? "claim_present" : "claim_absent") : verdict.kind;
  const first = t(`verdict_${which}`);
  if (verdict.level === null) return [first];
  return [first, make("span", { class: "level-note" }, t(`verdict_level_${verdict.level}`, { grade: verdict.grade }))];
}

function levels(t, verdict) {
  return make(
    "ol",
    { class: "levels", "aria-label": t("levels") },
    ...LEVELS.map((level) => {
      const shown = verdict.levels.includes(level);
      return make(
        "li",
        { class: shown ? "shown" : "" },
        make("span", { class: "dot", "aria-hidden": "true" }, shown ? "✓" : "–"),
        t(`level_${level}`),
        make("span", { class: "unseen" }, `: ${t(shown ? "yes" : "no")}`),
      );
    }),
  );
}

function failure(t, { failed, step }) {
  const evidence = Object.keys(failed.evidence ?? {}).length ? JSON.stringify(failed.evidence, null, 1) : null;
  return make(
    "div",
    { class: "body" },
    make("p", {}, t(`fail_${step}`)),
    make("p", { class: "label" }, t("reason")),
    make("p", { class: "reason", lang: "en" }, make("bdi", {}, failed.reason ?? failed.message)),
    evidence === null
      ? null
      : make("details", {}, make("summary", {}, t("evidence")), make("pre", { tabindex: "0" }, evidence)),
  );
}

function listed(name, heading, hint, items) {
  return make(
    "section",
    { class: `body ${name}` },
    make("h4", {}, heading),
    hint === null ? null : make("p", { class: "hint" }, hint),
    make("ul", {}, ...items.map((item) => make("li", {}, item))),
  );
}

// ---------------------------------------------------------------------------------------------------- steps

function steps(t, language, result) {
  const held = result.verdict?.steps ?? result.steps ?? [];
  if (!held.length && !result.failed) return null;
  return make(
    "section",
    { class: "body" },
    make("h4", {}, t("steps")),
    make("p", { class: "hint screen" }, t("steps_hint")),
    make(
      "ol",
      { class: "steps" },
      ...held.map((one) => step(t, language, one)),
      result.failed ? failedStep(t, result) : null,
    ),
  );
}

function step(t, language, { name, proves, detail, bytes }) {
  const nothing = proves.key === "by_platform";
  const head = [
    make("span", { class: nothing ? "tick none" : "tick", "aria-hidden": "true" }, nothing ? "–" : "✓"),
    make("span", { class: "name" }, name),
    make("span", { class: "proves" }, say(language, proves)),
    make("span", { class: "unseen" }, ` (${t(nothing ? "no" : "held")})`),
  ];
  const shown = [
    detail === null ? null : make("p", { class: "detail" }, make("bdi", {}, say(language, detail))),
    ...bytes.map(([label, value]) => block(t(`b_${label}`), value)),
  ].filter((child) => child !== null);
  if (!shown.length) return make("li", { "data-step": name }, make("p", { class: "head" }, ...head));
  return make("li", { "data-step": name }, make("details", {}, make("summary", { class: "head" }, ...head), ...shown));
}

function failedStep(t, { step: name }) {
  return make(
    "li",
    { "data-step": name, class: "failed" },
    make(
      "p",
      { class: "head" },
      make("span", { class: "tick", "aria-hidden": "true" }, "✕"),
      make("span", { class: "name" }, name),
      make("span", { class: "proves" }, t(`fail_${name}`)),
      make("span", { class: "unseen" }, ` (${t("failed")})`),
    ),
  );
}

function block(label, value) {
  const bytes = make("pre", { tabindex: "0", "aria-label": label, role: "group" }, value);
  return make("div", { class: "bytes" }, make("p", { class: "label" }, label), bytes);
}

// ---------------------------------------------------------------------------------------------------- facts

const ROWS = {
  receipt: ofRecord,
  claim_proof: ofClaim,
  seal_proof: ofSeal,
  acceptance: ofAcceptance,
  evidence: ofEvidence,
};

function facts(t, verdict) {
  const rows = ROWS[verdict.kind];
  return make(
    "section",
    { class: "body" },
    make("h4", {}, t("facts")),
    make(
      "dl",
      {},
      ...rows(t, verdict).map(([key, value]) =>
        make("div", {}, make("dt", {}, key), make("dd", {}, make("bdi", {}, String(value)))),
      ),
    ),
  );
}

const plain = (value) => (typeof value === "string" ? value : canonicalText(value));

function ofRecord(t, { record, disclosures, index, size }) {
  const { party } = record;
  return [
    [t("f_type"), record.type],
    [t("f_subject"), record.subject],
    [t("f_party"), t(record.sig === null ? "f_unsigned" : "f_signed", { party })],
    [t("f_effective"), record.effective],
    [t("f_posted"), record.posted],
    [t("f_place"), t("f_place_of", { index, size })],
    ...Object.entries(record.data).map(([name, value]) => [name, plain(value)]),
    ...[...disclosures].map(([name, value]) => [t("f_private", { name }), plain(value)]),
  ];
}

function ofClaim(t, { claim, size }) {
  const key = [t("f_asset_key"), hex(claim.assetKey)];
  if (!claim.presence) return [key, [t("f_place"), size]];
  const { state, encumbrance } = claim;
  const names = new Map(claim.history.flatMap((link) => link.holdings.map((one) => [hex(one.holder), one.party])));
  const holders = encumbrance.holders.map(
    ({ holder, share }) => `${names.get(hex(holder)) ?? hex(holder)}: ${share} ppm`,
  );
  return [
    [t("f_loan"), `${state.loan} / ${state.claim}`],
    [t("f_status"), state.status],
    [t("f_principal"), `${state.principal} ${state.currency}`],
    [t("f_holders"), holders.join("; ") || t("f_nobody")],
    key,
  ];
}

function ofSeal(t, { seal }) {
  const { header, leaf, state } = seal;
  const { currency, total } = header;
  const receivable = printTotal(total.receivable, currency);
  const amount = leaf.credit ? `-${printTotal(leaf.credit, currency)}` : printTotal(leaf.receivable, currency);
  return [
    [t("f_pool"), header.pool],
    [t("f_as_of"), header.asOf],
    [t("f_sealed"), t("f_sealed_of", { count: total.count, receivable, currency })],
    ...(state === null ? [] : [[t("f_loan"), `${state.loan} / ${state.claim}`]]),
    [t("f_share"), `${leaf.share} ppm`],
    [t("f_receivable"), `${amount} ${currency}`],
  ];
}

function ofAcceptance(t, { acceptance }) {
  return [
    [t("f_event"), acceptance.id],
    [t("f_party"), acceptance.party],
    [t("f_posted"), acceptance.posted],
    [t("f_anchor_by"), acceptance.anchorBy],
    [t("f_place"), acceptance.index],
  ];
}

function ofEvidence(t, { evidence }) {
  return [
    [t("f_size"), evidence.size],
    [t("b_root"), hex(evidence.root)],
    [t("f_block"), `${evidence.blockNumber}, 0x${hex(evidence.blockHash)}`],
  ];
}
