// The page: takes files, asks the verifier, shows what came of it. It keeps nothing. It asks the server for the trust
// root only when told to, and a node only that the visitor named.
import { textOf, unhex } from "./bytes.js";
import {
  ConfigurationError, MalformedError, UnavailableError, UndeterminedError, VerificationError,
} from "./errors.js";
import { EvidenceAnchors, parseEvidence, verifyEvidenceFile } from "./evidence.js";
import { CLAIM_PROOF_TYPE, EVIDENCE_TYPE } from "./files.js";
import { NodeAnchors } from "./node.js";
import { make, replaceWith, showVerdict } from "./show.js";
import { text } from "./texts.js";
import { parseTrust, TRUST_TYPE } from "./trust.js";
import { verdictJson, verifyFile } from "./verify.js";

const state = {
  language: "en",
  trust: null,
  trustSource: null,
  node: null,
  problem: null,
  files: [],
  results: [],
  run: 0,
};
// Cards that are shown at most, and kept with every byte of their steps: a pool's receipts are a hundred thousand.
const MOST_SHOWN = 200;
const find = (id) => document.getElementById(id);
const t = (key, params) => text(state.language, key, params);

// A Ed25519 key that is no one's: asked for once, to tell a browser without Ed25519 before it fails on a file.
const PROBE = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 9 : 0));

async function capable() {
  if (!globalThis.crypto?.subtle) return "insecure";
  try {
    await crypto.subtle.importKey("raw", PROBE, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") return "unsupported";
  }
  return null;
}

// ------------------------------------------------------------------------------------------------ files in

/** The media type that a file says it has; the verifier decides whether it is of that form. */
function mediaType(data) {
  try {
    return JSON.parse(textOf(data, "file"))?.media_type;
  } catch {
    return undefined;
  }
}

async function take(list) {
  state.problem = null;
  for (const file of list) {
    try {
      const data = new Uint8Array(await file.arrayBuffer());
      const type = mediaType(data);
      if (type === TRUST_TYPE) await takeTrust(data, { name: file.name });
      else if (type === undefined && isBundle(data)) takeLines(file.name, data);
      else state.files.push({ name: file.name, data, type });
    } catch {
      state.problem = ["unread", { name: file.name }];
    }
  }
  await check();
}

const NEWLINE = 10;

/**
 * Whether a whole document stands in the first line and something behind it: many files, one a line. A single file that
 * was edited to have two lines is none, and fails as one document.
 */
function isBundle(data) {
  const end = data.indexOf(NEWLINE) + 1;
  const rest = data.subarray(end, end + 1);
  return end > 0 && rest.length > 0 && rest[0] > 32 && mediaType(data.subarray(0, end)) !== undefined;
}

/** Each line with its newline is a file of its own; they are named by their lines, counted from 1. */
function takeLines(name, data) {
  let line = 0;
  for (let start = 0; start < data.length;) {
    const newline = data.indexOf(NEWLINE, start);
    const end = newline < 0 ? data.length : newline + 1;
    const one = data.subarray(start, end);
    line += 1;
    state.files.push({ name: `${name}:${line}`, data: one, type: mediaType(one) });
    start = end;
  }
}

async function takeTrust(data, source) {
  try {
    state.trust = await parseTrust(data);
    state.trustSource = source;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    state.problem = ["trust_bad", { name: source.name, reason: error.message }];
  }
}

async function takeFromServer() {
  state.problem = null;
  try {
    const answer = await fetch("/v1/trust");
    if (!answer.ok) throw new Error(String(answer.status));
    await takeTrust(new Uint8Array(await answer.arrayBuffer()), { name: "/v1/trust", server: true });
  } catch {
    state.problem = ["unread", { name: "/v1/trust" }];
  }
  await check();
}

// ------------------------------------------------------------------------------------------------ checking

/** Verify every file anew. A newer call makes an older one give up. */
async function check() {
  const run = ++state.run;
  state.results = [];
  show();
  if (state.trust === null || !state.files.length) return;
  const results = [];
  const evidence = evidenceGiven();
  const kept = { valid: 0, other: 0 };
  for (const file of state.files) {
    if (results.length % 100 === 0) {
      find("status").textContent = t("checking", { done: results.length, count: state.files.length });
    }
    const found = { file, ...(await verdictOf(file, evidence)) };
    if (run !== state.run) return;
    const kind = found.verdict ? "valid" : "other";
    kept[kind] += 1;
    results.push({
      outcome: found.verdict ? "verdict" : found.failed ? "failed" : "undecided",
      saved: savedForm(found),
      card: kept[kind] <= MOST_SHOWN ? found : null,
    });
  }
  state.results = results;
  show();
}

async function verdictOf(file, evidence) {
  const progress = { steps: [] };
  try {
    if (file.type === EVIDENCE_TYPE) {
      return { verdict: await verifyEvidenceFile(state.trust, file.data, blocks(), progress) };
    }
    const given = { progress, earlier: earlierProof(file), anchors: anchorsFor(file, evidence) };
    return { verdict: await verifyFile(state.trust, file.data, given) };
  } catch (error) {
    if (error instanceof VerificationError || error instanceof MalformedError) {
      return { failed: error, step: error.step || "form", steps: progress.steps };
    }
    if ([UndeterminedError, UnavailableError, ConfigurationError].some((kind) => error instanceof kind)) {
      return { undecided: error, steps: progress.steps };
    }
    throw error;
  }
}

/** What was found of a file, in the form in which the command line prints it with `--json`. */
function savedForm({ file, verdict, failed, undecided, step }) {
  return {
    file: file.name,
    ...(verdict ? verdictJson(verdict) : {
      verified: false,
      code: (failed ?? undecided).code,
      step: step ?? null,
      reason: (failed ?? undecided).message,
    }),
  };
}

/** Hand out what was found. */
function save() {
  const results = state.results.map(({ saved }) => saved);
  const blob = new Blob([`${JSON.stringify(results, null, 2)}\n`], { type: "application/json" });
  const link = make("a", { href: URL.createObjectURL(blob), download: "verdicts.json" });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** The block hash that the visitor looked up, if there is one. */
function blocks() {
  const given = digits("block");
  return /^[0-9a-f]{64}$/.test(given) ? [unhex(given)] : [];
}

/** What a visitor typed or pasted into a field for 64 hexadecimal digits. */
const digits = (id) => find(id).value.toLowerCase().replace(/\s/g, "").replace(/^0x/, "");

/** The size that the file's checkpoint names; only to choose what to compare it with. */
function sizeOf(file) {
  const note = JSON.parse(textOf(file.data, "file")).checkpoint;
  return String(note).split("\n")[1] ?? "";
}

/** The evidence files that were given; what is wrong with one its own card says. */
function evidenceGiven() {
  return state.files.filter((one) => one.type === EVIDENCE_TYPE).flatMap((one) => {
    try {
      return [parseEvidence(one.data)];
    } catch {
      return [];
    }
  });
}

/** Where this file's anchor is looked for: the node, or the evidence of its size, or any. */
function anchorsFor(file, sources) {
  if (state.node !== null) return new NodeAnchors(state.node, state.trust);
  if (!sources.length || file.type === undefined) return null;
  const own = sizeOf(file);
  const evidence = sources.find(({ size }) => String(size) === own) ?? sources[0];
  return new EvidenceAnchors(evidence, state.trust, blocks());
}

/** Of several proofs of one claim, the next older one: its history must have grown into this one's. */
function earlierProof(file) {
  if (file.type !== CLAIM_PROOF_TYPE) return null;
  const key = (one) => JSON.parse(textOf(one.data, "file")).asset_key;
  const older = state.files
    .filter((one) => one !== file && one.type === CLAIM_PROOF_TYPE && key(one) === key(file))
    .filter((one) => Number(sizeOf(one)) < Number(sizeOf(file)))
    .sort((a, b) => Number(sizeOf(b)) - Number(sizeOf(a)));
  return older.length ? older[0].data : null;
}

// ------------------------------------------------------------------------------------------------- showing

function show() {
  document.documentElement.lang = state.language === "zh" ? "zh-Hans" : "en";
  document.title = t("title");
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === state.language));
  }
  const problem = find("problem");
  problem.hidden = state.problem === null;
  problem.textContent = state.problem === null ? "" : t(...state.problem);
  showTrust();
  showChainFields();
  find("status").textContent = status();
  find("actions").hidden = !state.results.length;
  replaceWith(find("verdicts"), cards());
}

/** What is shown: all of a few; of many those that were not verified first, and how many are not shown. */
function cards() {
  const every = state.results;
  const sorted = every.length <= MOST_SHOWN
    ? every
    : [...every.filter(({ outcome }) => outcome !== "verdict"), ...every.filter(({ outcome }) => outcome === "verdict")];
  const shown = sorted.filter(({ card }) => card !== null).slice(0, MOST_SHOWN);
  const nodes = shown.map(({ card }) => showVerdict(state.language, card));
  const hidden = every.length - shown.length;
  if (hidden) nodes.push(make("p", { class: "hint", id: "hidden" }, t("hidden", { count: hidden })));
  return nodes;
}

function showTrust() {
  const { trust, trustSource } = state;
  find("fingerprint").hidden = trust === null;
  if (trust === null) {
    replaceWith(find("trust"), [make("p", { class: "hint" }, t("trust_none"))]);
    return;
  }
  const source = trustSource.server ? t("trust_from_server") : t("trust_from_file", trustSource);
  const chain = trust.chain
    ? t("trust_chain", { chain: trust.chain.chainId, grade: trust.chain.grade })
    : t("trust_no_chain");
  replaceWith(find("trust"), [
    make("p", { class: "trust-log" }, make("strong", {}, t("trust_log", { origin: trust.origin })), ` · ${chain}`),
    make("p", { class: trustSource.server ? "hint warn" : "hint" }, source),
  ]);
  find("fingerprint-value").textContent = trust.fingerprint;
  compare();
}

function compare() {
  const given = digits("expected");
  const node = find("compared");
  const whole = /^[0-9a-f]{64}$/.test(given);
  const same = whole && given === state.trust?.fingerprint;
  node.textContent = t(given === "" ? "compare_hint" : same ? "same" : whole ? "different" : "incomplete");
  node.className = given === "" ? "hint" : same ? "hint good" : "hint bad";
}

/** Say whether what stands in the fields for the chain can be used. */
function showChainFields() {
  const block = find("block-hint");
  const bad = digits("block") !== "" && !blocks().length;
  block.textContent = t(bad ? "block_bad" : "block_hint");
  block.className = bad ? "hint bad" : "hint";
  const node = find("node-hint");
  node.textContent = state.node === null ? t("node_hint") : t("node_used", { node: new URL(state.node).origin });
  node.className = state.node === null ? "hint" : "hint good";
}

/**
 * Load the page anew with a policy that lets it reach this one host. The server is told the host; the rest of the
 * address, which may hold a secret, stays behind the "#", which browsers do not send.
 */
function useNode() {
  const address = find("node").value.trim();
  const url = URL.canParse(address) ? new URL(address) : null;
  const own = url?.protocol === "http:" && ["localhost", "127.0.0.1"].includes(url.hostname);
  if (url?.protocol !== "https:" && !own) {
    find("node-hint").textContent = t("node_bad");
    find("node-hint").className = "hint bad";
    return;
  }
  const query = new URLSearchParams({ node: url.origin, lang: state.language });
  location.assign(`/verify?${query}#${encodeURIComponent(url.href)}`);
}

function readNode(query) {
  const address = decodeURIComponent(location.hash.slice(1));
  if (!query.has("node") || !URL.canParse(address) || new URL(address).origin !== query.get("node")) return;
  state.node = address;
  find("node").value = address;
}

function status() {
  if (state.results.length) {
    const count = (wanted) => state.results.filter(({ outcome }) => outcome === wanted).length;
    return t("announce", { valid: count("verdict"), invalid: count("failed"), open: count("undecided") });
  }
  if (state.trust === null && state.files.length) return t("waiting_trust", { count: state.files.length });
  return t(state.trust === null ? "waiting" : "waiting_files");
}

// ------------------------------------------------------------------------------------------------ starting

function listen() {
  find("files").addEventListener("change", async (event) => {
    await take([...event.target.files]);
    event.target.value = "";
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      find("drop").classList.toggle("over", kind === "dragover");
      if (kind === "drop") take([...event.dataTransfer.files]);
    });
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      state.language = button.dataset.language;
      show();
    });
  }
  find("expected").addEventListener("input", compare);
  find("block").addEventListener("input", check);
  find("use-node").addEventListener("click", useNode);
  find("from-server").addEventListener("click", takeFromServer);
  find("save").addEventListener("click", save);
  find("print").addEventListener("click", () => globalThis.print());
  find("clear").addEventListener("click", () => {
    state.files = [];
    check();
    find("files").focus();
  });
  // On paper every step is open, as there is nothing to open it with.
  globalThis.addEventListener("beforeprint", () => {
    for (const node of document.querySelectorAll("#verdicts details")) node.open = true;
  });
}

async function start() {
  const query = new URLSearchParams(location.search);
  const asked = query.get("lang") ?? navigator.language;
  state.language = asked.startsWith("zh") ? "zh" : "en";
  if (document.documentElement.hasAttribute("data-offline")) {
    find("from-server").hidden = true;
    find("download").hidden = true;
    find("node-part").hidden = true; // its policy lets it reach nothing
    find("private").dataset.text = "private_offline";
    find("chain-hint").dataset.text = "chain_hint_offline";
  }
  readNode(query);
  listen();
  const fault = await capable();
  if (fault !== null) state.problem = [fault];
  show();
}

start();
