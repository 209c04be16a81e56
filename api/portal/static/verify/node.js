// A chain node as the source of anchors, asked by JSON-RPC from the browser; see ledger/chain/sources.py and reader.py.
//
// Which chain, contract, log and finality count is the trust root's to say. What the node answers is what this node
// says: that it tells the truth is one of the things that are not checked.
import { bigEndian, concat, equal, hex, numberOf, unhex, utf8 } from "./bytes.js";
import { ConfigurationError, UnavailableError, UndeterminedError, VerificationError } from "./errors.js";
import { keccak256 } from "./keccak.js";
import { message } from "./words.js";

const CONTRACT_STEP = { step: "contract" };
const TIMEOUT_MS = 10_000;
// Nodes limit the range of log queries.
const LOG_RANGE = 9_000n;
const INFO_WORDS = 14;

const signature = (text) => keccak256(utf8(text));
const quantity = (number) => `0x${number.toString(16)}`;
const data0x = (bytes) => `0x${hex(bytes)}`;

/** Where a ladder learns the contract's root: the node at `url`. */
export class NodeAnchors {
  constructor(url, trust) {
    let parsed;
    try {
      parsed = new URL(url);
    } catch {
      parsed = null;
    }
    if (parsed === null || !["http:", "https:"].includes(parsed.protocol)) {
      throw new ConfigurationError("chain endpoint: give an http:// or https:// URL of a JSON-RPC node");
    }
    this.url = url;
    this.trust = trust;
    // For messages: user, password, path and query may be secrets.
    this.name = `${parsed.protocol}//${parsed.host}`;
  }

  async rootAt(size) {
    const { chain } = this.trust;
    await this.checkChain(chain);
    const latest = await this.block("latest");
    if (latest === null) throw new UnavailableError(`the chain node ${this.name} has no blocks yet`);
    const info = await this.logInfo(chain, latest.number);
    if (info.closed && size > info.lastGoodSize) {
      const reason = `the log's owner has closed it and disowns every size above ${info.lastGoodSize}`;
      const successor = info.successor.some(Boolean) ? data0x(info.successor) : null;
      const evidence = { size: Number(size), last_good_size: Number(info.lastGoodSize), successor };
      throw new VerificationError(reason, { ...CONTRACT_STEP, evidence });
    }
    const root = await this.storedRoot(chain, size, latest.number);
    if (root === null) {
      const reached = info.size ? `its newest anchor is of size ${info.size}` : "it has no anchor yet";
      throw new UndeterminedError(`size ${size} of this log is not anchored: ${reached}`);
    }
    const final = await this.finalBlock(chain.finality, latest);
    const block = await this.blockOf(chain, size, info, latest);
    return {
      size,
      root,
      level: (await this.isFinal(chain, size, root, final)) ? "final" : "anchored",
      describes: this.described(block, latest, final),
      fingerprint: hex(info.trustRoot),
      anchorAge: Math.max(0, Math.floor(Date.now() / 1000) - Number(info.time)),
      cosignatures: [],
      notChecked: [["node", message("node_truth", { node: this.name })]],
      bytes: [
        ["contract_address", data0x(chain.contract)],
        ["code_hash", data0x(chain.codeHash)],
        ["contract_call", data0x(this.rootCall(chain, size))],
      ],
    };
  }

  async checkChain(chain) {
    const id = readQuantity(await this.request("eth_chainId", []));
    if (id !== BigInt(chain.chainId)) {
      throw new ConfigurationError(`wrong chain: ${this.name} serves chain id ${id}, expected is ${chain.chainId}`);
    }
    const first = await this.block(0n);
    if (first === null || !equal(first.hash, chain.genesis)) {
      const found = first === null ? "no genesis block" : `genesis block ${data0x(first.hash)}`;
      throw new ConfigurationError(
        `wrong chain: ${this.name} has ${found}, expected is ${data0x(chain.genesis)}` +
          " (the same chain id, but another chain: a devnet that was started anew?)",
      );
    }
    const code = readBytes(await this.request("eth_getCode", [data0x(chain.contract), "latest"]));
    if (!code.length) throw noContract(chain);
    const hash = keccak256(code);
    if (!equal(hash, chain.codeHash)) {
      const [contract, found, expected] = [chain.contract, hash, chain.codeHash].map(data0x);
      throw new VerificationError(`the contract at ${contract} has code ${found}, expected is ${expected}`, {
        ...CONTRACT_STEP,
        evidence: { contract, code_hash: found, expected },
      });
    }
    for (const pinned of this.trust.pinnedBlocks) {
      const block = await this.block(BigInt(pinned.number));
      if (block === null || !equal(block.hash, pinned.hash)) {
        const found = block === null ? "no block" : data0x(block.hash);
        throw new ConfigurationError(
          `wrong chain: ${this.name} has ${found} at number ${pinned.number}, ` +
            `the trust root pins ${data0x(pinned.hash)}`,
        );
      }
    }
  }

  /** All that the contract holds about the log; fourteen words, as the interface lists them. */
  async logInfo(chain, at) {
    const asked = concat(signature("logInfo(bytes32)").subarray(0, 4), chain.logId);
    const words = await this.call(chain, asked, at, INFO_WORDS);
    const [owner, , , size, , time, blockNumber, , , closed, lastGoodSize, trustRoot, , successor] = words;
    if (!owner.some(Boolean)) {
      const reason = `the contract at ${data0x(chain.contract)} has no log ${data0x(chain.logId)}`;
      throw new VerificationError(reason, CONTRACT_STEP);
    }
    return {
      size: numberOf(size),
      time: numberOf(time),
      blockNumber: numberOf(blockNumber),
      closed: numberOf(closed) !== 0n,
      lastGoodSize: numberOf(lastGoodSize),
      trustRoot,
      successor,
    };
  }

  rootCall(chain, size) {
    return concat(signature("rootAt(bytes32,uint64)").subarray(0, 4), chain.logId, bigEndian(size, 32));
  }

  async storedRoot(chain, size, at) {
    const [root] = await this.call(chain, this.rootCall(chain, size), at, 1);
    return root.some(Boolean) ? root : null;
  }

  /** The newest block that counts as final, null before there is one. */
  async finalBlock(policy, latest) {
    if (policy.startsWith("tag:")) return this.block(policy.slice("tag:".length));
    const depth = policy === "instant" ? 0n : BigInt(policy.slice("depth:".length));
    return latest.number >= depth ? this.block(latest.number - depth) : null;
  }

  async isFinal(chain, size, root, final) {
    if (final === null) return false;
    const held = await this.storedRoot(chain, size, final.number);
    if (held === null || !equal(held, root)) return false;
    const again = await this.block(final.number);
    return again !== null && equal(again.hash, final.hash);
  }

  /** The block of the anchor of `size`; null where that is too long ago. */
  async blockOf(chain, size, info, latest) {
    if (size === info.size) return this.block(info.blockNumber);
    const from = latest.number > LOG_RANGE ? latest.number - LOG_RANGE : 0n;
    const anchored = signature("Anchored(bytes32,uint64,bytes32,uint64,bool)");
    const query = {
      address: data0x(chain.contract),
      topics: [data0x(anchored), data0x(chain.logId), data0x(bigEndian(size, 32))],
      fromBlock: quantity(from),
      toBlock: quantity(latest.number),
    };
    const found = await this.request("eth_getLogs", [query]);
    return found.length ? this.block(readQuantity(found.at(-1).blockNumber)) : null;
  }

  described(block, latest, final) {
    const policy = this.trust.chain.finality;
    return message("seen_by_node", {
      block: block
        ? message("one_block", { number: block.number, hash: data0x(block.hash) })
        : message("block_long_ago"),
      node: this.name,
      latest: latest.number,
      final: final ? message("final_up_to", { number: final.number, policy }) : message("nothing_final", { policy }),
    });
  }

  async block(which) {
    const name = typeof which === "string" ? which : quantity(which);
    const found = await this.request("eth_getBlockByNumber", [name, false]);
    return found === null ? null : { number: readQuantity(found.number), hash: readBytes(found.hash) };
  }

  /** The contract's answer as words of 32 bytes. */
  async call(chain, data, at, words) {
    const answer = readBytes(
      await this.request("eth_call", [{ to: data0x(chain.contract), data: data0x(data) }, quantity(at)]),
    );
    if (!answer.length) throw noContract(chain);
    if (answer.length !== 32 * words) {
      throw new VerificationError(`the contract at ${data0x(chain.contract)} is no AnchorRegistry`, CONTRACT_STEP);
    }
    return Array.from({ length: words }, (_, word) => answer.subarray(32 * word, 32 * word + 32));
  }

  async request(method, params) {
    let answer;
    try {
      const response = await fetch(this.url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      answer = await response.json();
    } catch (error) {
      throw new UnavailableError(`the chain node ${this.name} does not answer ${method}: ${error.message}`);
    }
    if (answer?.error) {
      throw new UnavailableError(`the chain node ${this.name} refuses ${method}: ${answer.error.message}`);
    }
    if (answer === null || typeof answer !== "object" || !("result" in answer)) {
      throw new UnavailableError(`the chain node ${this.name} answers ${method} with something that is not JSON-RPC`);
    }
    return answer.result;
  }
}

function noContract(chain) {
  return new VerificationError(`there is no contract at ${data0x(chain.contract)} on this chain`, CONTRACT_STEP);
}

function readQuantity(value) {
  if (typeof value !== "string" || !/^0x[0-9a-f]{1,64}$/i.test(value)) {
    throw new UnavailableError("the chain node answers with something that is no number");
  }
  return BigInt(value);
}

function readBytes(value) {
  if (typeof value !== "string" || !/^0x(?:[0-9a-f]{2})*$/i.test(value)) {
    throw new UnavailableError("the chain node answers with something that is no bytes");
  }
  return unhex(value.slice(2).toLowerCase());
}
