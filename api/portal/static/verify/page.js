// The page: takes files, asks the verifier, shows what came of it. It keeps nothing, and asks the server for the trust
// root only when told to.
import { textOf } from "./bytes.js";
import { CLAIM_PROOF_TYPE, EVIDENCE_TYPE } from "./files.js";
import { replaceWith, showVerdict, make } from "./show.js";
import { text } from "./texts.js";
import { parseTrust, TRUST_TYPE } from "./trust.js";
import { verifyFile } from "./verify.js";
import { MalformedError, UnavailableError, UndeterminedError, VerificationError } from "./errors.js";

const state = { language: "en", trust: null, trustSource: null, problem: null, files: [], results: [], run: 0 };
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
      else state.files.push({ name: file.name, data, type });
    } catch {
      state.problem = ["unread", { name: file.name }];
    }
  }
  await check();
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
  find("status").textContent = t("checking", { count: state.files.length });
  const results = [];
  for (const file of state.files) {
    results.push({ file, ...(await verdictOf(file)) });
    if (run !== state.run) return;
  }
  state.results = results;
  show();
}

async function verdictOf(file) {
  const progress = { steps: [] };
  try {
    if (file.type === EVIDENCE_TYPE) throw new UndeterminedError(t("evidence_file"));
    const earlier = await earlierProof(file);
    const verdict = await verifyFile(state.trust, file.data, { progress, earlier });
    return { verdict };
  } catch (error) {
    if (error instanceof VerificationError || error instanceof MalformedError) {
      return { failed: error, step: error.step || "form", steps: progress.steps };
    }
    if (error instanceof UndeterminedError || error instanceof UnavailableError) {
      return { undecided: error, steps: progress.steps };
    }
    throw error;
  }
}

/** Of several proofs of one claim, the next older one: its history must have grown into this one's. */
async function earlierProof(file) {
  if (file.type !== CLAIM_PROOF_TYPE) return null;
  const facts = (one) => {
    const value = JSON.parse(textOf(one.data, "file"));
    return { key: value.asset_key, size: Number(String(value.checkpoint).split("\n")[1]) };
  };
  const own = facts(file);
  const older = state.files
    .filter((one) => one !== file && one.type === CLAIM_PROOF_TYPE)
    .map((one) => ({ one, ...facts(one) }))
    .filter(({ key, size }) => key === own.key && size < own.size)
    .sort((a, b) => b.size - a.size);
  return older.length ? older[0].one.data : null;
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
  find("status").textContent = status();
  find("actions").hidden = !state.results.length;
  replaceWith(find("verdicts"), state.results.map((result) => showVerdict(state.language, result)));
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
  const given = find("expected").value.toLowerCase().replace(/\s/g, "").replace(/^0x/, "");
  const node = find("compared");
  const whole = /^[0-9a-f]{64}$/.test(given);
  const same = whole && given === state.trust?.fingerprint;
  node.textContent = t(given === "" ? "compare_hint" : same ? "same" : whole ? "different" : "incomplete");
  node.className = given === "" ? "hint" : same ? "hint good" : "hint bad";
}

function status() {
  if (state.results.length) {
    const count = (member) => state.results.filter((result) => result[member]).length;
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
  find("from-server").addEventListener("click", takeFromServer);
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
  const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language;
  state.language = asked.startsWith("zh") ? "zh" : "en";
  if (document.documentElement.hasAttribute("data-offline")) {
    find("from-server").hidden = true;
    find("download").hidden = true;
    find("private").dataset.text = "private_offline";
  }
  listen();
  const fault = await capable();
  if (fault !== null) state.problem = [fault];
  show();
}

start();
