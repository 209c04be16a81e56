// Seals: the header, the Merkle-sum tree under it and a claim's place in it; see ledger/proofs/seal.py,
// sumtree.py and amounts.py.
import { bigEndian, concat, equal, hex, sha256, utf8 } from "./bytes.js";
import { canonicalText, decodeCanonical } from "./canonical.js";
import { Form, NAME } from "./documents.js";
import { MalformedError, VerificationError } from "./errors.js";
import { bitLength, MAX_SIZE } from "./merkle.js";
import { isDay } from "./record.js";
import { ZERO } from "./register.js";

const HEADER = "seal header";
const HEADER_MEMBERS = [
  "pool", "currency", "size", "as_of", "root", "count", "receivable", "credit", "rules_version", "restates",
];
const UNIT = 10n ** 8n;
const MAX_UNITS = 2n ** 128n - 1n;
// Active ISO 4217 codes by their minor digits, as in ledger/proofs/amounts.py.
const BY_DIGITS = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
  2:
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP " +
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR " +
    "IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN " +
    "NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP " +
    "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

/** The minor digits of each active currency. */
export const MINOR_DIGITS = new Map(
  Object.entries(BY_DIGITS).flatMap(([digits, codes]) => codes.split(" ").map((code) => [code, Number(digits)])),
);

/** A total in units of 1e-8 (BigInt), in its one spelling. */
export function printTotal(units, currency) {
  const digits = MINOR_DIGITS.get(currency);
  if (digits === undefined) throw new MalformedError("total", `${currency.slice(0, 16)} is not an active currency`);
  if (units < 0n || units > MAX_UNITS) throw new MalformedError("total", "not from 0 to 2^128 − 1 units of 1e-8");
  let fraction = String(units % UNIT).padStart(8, "0");
  while (fraction.length > digits && fraction.endsWith("0")) fraction = fraction.slice(0, -1);
  return fraction ? `${units / UNIT}.${fraction}` : String(units / UNIT);
}

/** Read what `printTotal` prints, and nothing else. */
export function parseTotal(text, currency) {
  const found = typeof text === "string" ? /^(0|[1-9][0-9]{0,38})(?:\.([0-9]{1,8}))?$/.exec(text) : null;
  if (found === null) throw new MalformedError("total", "no plain decimal");
  const units = BigInt(found[1]) * UNIT + BigInt((found[2] ?? "").padEnd(8, "0"));
  if (printTotal(units, currency) !== text) {
    throw new MalformedError("total", `not the one spelling of an amount in ${currency}`);
  }
  return units;
}

/** Read the header of a seal; `seal` are the 32 bytes that stand for it. */
export async function parseHeader(text) {
  const form = new Form(decodeCanonical(text, HEADER), HEADER, "", HEADER_MEMBERS);
  const currency = form.text("currency");
  const header = {
    text,
    pool: form.text("pool", NAME),
    currency,
    size: form.integer("size", 1),
    asOf: form.text("as_of", /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/),
    total: {
      hash: form.hex("root", 32),
      count: BigInt(form.integer("count")),
      receivable: parseTotal(form.raw("receivable"), currency),
      credit: parseTotal(form.raw("credit"), currency),
    },
    rulesVersion: form.integer("rules_version", 1),
    restates: form.optional("restates", (name) => form.hex(name, 32)),
    seal: await sha256(utf8(`poolproof/seal/v1\0${text}`)),
  };
  if (!isDay(header.asOf)) throw new MalformedError(HEADER, "pool is no name, or as_of no day YYYY-MM-DD");
  return header;
}

/** What a pool's register value says of its last seals: [currency, seal] pairs, ascending. */
export async function lastSeal(seals) {
  if (seals.length <= 1) return seals.length ? seals[0][1] : ZERO;
  return sha256(utf8(`poolproof/seals/v1\0${canonicalText(seals.map(([currency, seal]) => [currency, hex(seal)]))}`));
}

const sums = ({ hash, count, receivable, credit }) =>
  concat(hash, bigEndian(count, 8), bigEndian(receivable, 16), bigEndian(credit, 16));

/** The bytes of a leaf before hashing. */
export const sealLeaf = ({ key, share, receivable, credit, state }) =>
  concat(key, bigEndian(share, 4), bigEndian(receivable, 16), bigEndian(credit, 16), state);

async function join(left, right) {
  const result = {
    count: left.count + right.count,
    receivable: left.receivable + right.receivable,
    credit: left.credit + right.credit,
  };
  if (result.count > MAX_SIZE || result.receivable > MAX_UNITS || result.credit > MAX_UNITS) {
    throw new VerificationError("a sum does not fit its width", { step: "place" });
  }
  return { hash: await sha256(Uint8Array.of(1), sums(left), sums(right)), ...result };
}

/** The leaves [start, stop) under each sibling of leaf `index`, from the leaf upwards. */
function siblingRanges(index, size) {
  let low = 0n;
  let high = size;
  const down = [];
  while (low !== index || high !== index + 1n) {
    const split = low + (1n << BigInt(bitLength(high - low - 1n) - 1));
    if (index < split) {
      down.push([split, high]);
      high = split;
    } else {
      down.push([low, split]);
      low = split;
    }
  }
  return down.reverse();
}

/** Show that `leaf` is claim `index` of the sealed tree; returns the nodes on the way. */
export async function verifyPlace(total, leaf, index, path) {
  const step = "place";
  if (index >= total.count || total.count > MAX_SIZE) {
    throw new VerificationError(`place ${index} is not in a seal of ${total.count} claims`, { step });
  }
  const ranges = siblingRanges(index, total.count);
  if (path.length !== ranges.length) {
    throw new VerificationError(`the path has ${path.length} steps, not ${ranges.length}`, { step });
  }
  let node = {
    hash: await sha256(Uint8Array.of(0), sealLeaf(leaf)),
    count: 1n,
    receivable: leaf.receivable,
    credit: leaf.credit,
  };
  const way = [{ hash: node.hash, side: "leaf" }];
  for (const [at, [start, stop]] of ranges.entries()) {
    const beside = { ...path[at], count: stop - start };
    const left = start < index;
    node = left ? await join(beside, node) : await join(node, beside);
    way.push({ hash: node.hash, sibling: beside.hash, side: left ? "left" : "right" });
  }
  const sameSums =
    node.count === total.count && node.receivable === total.receivable && node.credit === total.credit;
  if (!equal(node.hash, total.hash) || !sameSums) {
    const what = equal(node.hash, total.hash) ? "other sums" : "another root";
    const reason = `the path of claim ${index} of ${total.count} leads to ${what} than the seal's`;
    throw new VerificationError(reason, { step });
  }
  return way;
}
