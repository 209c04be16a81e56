// What the steps prove and what stays trust, in English and Chinese. The English is that of ledger/proofs, word for
// word: tests/portal compares whole verdicts with the Python verifier's.

const STEPS = {
  "form.receipt": [
    "the receipt is canonical: nothing in it can be spelled otherwise",
    "回执是规范形式：其中没有任何内容可以有第二种写法",
  ],
  "form.claim_proof": [
    "the claim proof is canonical: nothing in it can be spelled otherwise",
    "债权证明是规范形式：其中没有任何内容可以有第二种写法",
  ],
  "form.seal_proof": [
    "the seal proof is canonical: nothing in it can be spelled otherwise",
    "封存证明是规范形式：其中没有任何内容可以有第二种写法",
  ],
  "form.acceptance": [
    "the acceptance is canonical: nothing in it can be spelled otherwise",
    "受理凭证是规范形式：其中没有任何内容可以有第二种写法",
  ],
  "form.evidence": [
    "the evidence is canonical: nothing in it can be spelled otherwise",
    "锚定证据是规范形式：其中没有任何内容可以有第二种写法",
  ],
  evidence: [
    "in this block the contract holds the root of size {size} that the log published",
    "在该区块中，合约保存着日志所公布的规模 {size} 的树根",
  ],
  trust_root: ["the file is of the log that the trust root names", "文件属于信任根所指的日志"],
  "trust_root.detail": ["fingerprint {fingerprint}", "指纹 {fingerprint}"],
  checkpoint: ["the log published this root and answers for it", "日志公布了这个树根，并为其负责"],
  "checkpoint.detail": ["size {size}, signed by {key}", "规模 {size}，由 {key} 签名"],
  service_signature: [
    "the log's service issued this file, every character of it",
    "本文件的每个字符都由日志的服务签发",
  ],
  record: ["the record is canonical and of this log", "记录是规范形式，并属于本日志"],
  "record.detail": [
    "{type} {id} of {party}, {subject} number {seq}, effective {effective}",
    "{type} {id}，由 {party} 提交，{subject} 的第 {seq} 号记录，生效于 {effective}",
  ],
  disclosures: ["every private field shown is as it was recorded", "所披露的每个私密字段都与记录时一致"],
  "disclosures.detail": ["{shown} of {all} shown", "披露了 {all} 个中的 {shown} 个"],
  statement_signature: ["{party} made this statement", "{party} 作出了这项陈述"],
  by_platform: ["nothing: claimed by the platform", "未证明任何事：仅为平台的声称"],
  did_not_sign: ["{party} did not sign", "{party} 未签名"],
  pledge_acceptance: ["{holder} accepted these claims", "{holder} 接受了这些债权"],
  pledgee_did_not_sign: ["the pledgee did not sign", "质权人未签名"],
  inclusion: ["the record is in the published tree, unchanged", "记录在已公布的树中，未被改动"],
  "inclusion.detail": ["leaf {index} of {size}", "共 {size} 个叶子中的第 {index} 号（从 0 起）"],
  accepted: [
    "the log accepted this event at this index and answers for it",
    "日志在此位置受理了该事件，并为其负责",
  ],
  "accepted.detail": [
    "event {id} of {party} at index {index}, to be anchored by {anchor_by}",
    "{party} 的事件 {id}，位置 {index}，应在 {anchor_by} 前上链锚定",
  ],
  register: [
    "the tree ends in its one register, which is the same for everyone",
    "树以其唯一的登记册结尾，对所有人都相同",
  ],
  "register.detail": ["leaf {index}, {count} keys, root {root}", "叶子 {index}，{count} 个键，根 {root}"],
  absence: ["the register holds nothing under this asset key", "登记册在此资产键下没有任何内容"],
  presence: [
    "the register commits, to everyone, to this place and this state of the claim",
    "登记册向所有人承诺了该债权的这一归属与状态",
  ],
  "presence.held": ["held by {holders}", "持有人：{holders}"],
  "presence.free": ["held by nobody: not pledged, not sold", "无人持有：未质押，未出售"],
  claim: [
    "loan, creditor, principal and count of events are those that the register commits to",
    "贷款、债权人、本金与事件数均为登记册所承诺者",
  ],
  "claim.detail": [
    "claim {claim} of {loan}: {status}, {principal} {currency}, {count} events, {taken} of {whole} ppm taken",
    "{loan} 的债权 {claim}：{status}，{principal} {currency}，{count} 个事件，已占用 {taken} / {whole} ppm",
  ],
  history: ["these are all changes of the claim's place, in their order", "这是该债权归属的全部变更，且次序如实"],
  "history.detail": ["{version} changes", "{version} 次变更"],
  grew: ["since the earlier register the claim's history only grew", "自较早的登记册以来，该债权的历史只有增加"],
  "grew.detail": ["from size {size}", "自规模 {size} 起"],
  seal: [
    "the register commits, to everyone, to this seal of the pool: so many claims, these sums",
    "登记册向所有人承诺了资产池的这一封存：债权数与合计如此",
  ],
  "seal.detail": [
    "{pool} at size {size} as of {as_of}: {count} claims, {receivable} {currency} receivable, {credit} credit, rules version {version}",
    "{pool}，规模 {size}，截至 {as_of}：{count} 笔债权，应收 {receivable} {currency}，贷方 {credit}，规则版本 {version}",
  ],
  "seal.restating": [
    "{pool} at size {size} as of {as_of}: {count} claims, {receivable} {currency} receivable, {credit} credit, rules version {version}, restates {restates}",
    "{pool}，规模 {size}，截至 {as_of}：{count} 笔债权，应收 {receivable} {currency}，贷方 {credit}，规则版本 {version}，替代 {restates}",
  ],
  place: [
    "the claim is in the seal once, with this share and these amounts, and they are in its sums",
    "该债权在封存中仅出现一次，份额与金额如此，并已计入合计",
  ],
  "place.detail": [
    "claim {number} of {count}: {share} ppm, {receivable} receivable, {credit} credit",
    "第 {number} 笔，共 {count} 笔：{share} ppm，应收 {receivable}，贷方 {credit}",
  ],
  sealed_claim: [
    "loan, creditor, principal and count of events are those of the sealed size",
    "贷款、债权人、本金与事件数均为所封存规模时的值",
  ],
  "sealed_claim.detail": [
    "claim {claim} of {loan}: {status}, {principal} {currency}, {count} events",
    "{loan} 的债权 {claim}：{status}，{principal} {currency}，{count} 个事件",
  ],
  cosignatures: [
    "witnesses saw the same tree grow out of the ones they saw before",
    "见证人看到同一棵树由他们先前所见的树增长而来",
  ],
  "cosignatures.detail": ["{seen} of {threshold} asked for: {keys}", "要求 {threshold} 个，已有 {seen} 个：{keys}"],
  anchor: ["the contract holds this root: it cannot be rewritten unseen", "合约保存着这个树根：无法不被察觉地改写"],
  finality: ["the anchor is final by the trust root's policy", "按信任根的规则，该锚定已经最终确定"],
  verbatim: ["{text}", "{text}"],
  named_block: [
    "block {number}, hash {hash}, which you named as final",
    "区块 {number}，哈希 {hash}，由您指明为最终确定",
  ],
  one_block: ["block {number}, hash {hash}", "区块 {number}，哈希 {hash}"],
  block_long_ago: ["a block of long ago", "很久以前的区块"],
  seen_by_node: ["{block}; {node} is at block {latest}, {final}", "{block}；{node} 位于区块 {latest}，{final}"],
  final_up_to: ["final up to block {number} by {policy}", "按 {policy} 最终确定至区块 {number}"],
  nothing_final: ["nothing is final yet by {policy}", "按 {policy} 尚无最终确定的区块"],
  // Why a level was not shown.
  no_chain: ["the trust root names no chain", "信任根未指明任何链"],
  no_anchors: ["neither a node nor an evidence file was given", "既未给出节点，也未给出锚定证据文件"],
  not_final: ["the anchor is not final yet: {seen}", "锚定尚未最终确定：{seen}"],
  no_witness_policy: ["the trust root's policy asks for no witness", "信任根的规则不要求见证人"],
  too_few_witnesses: [
    "{seen} of the {threshold} witnesses that the policy asks for cosigned",
    "规则要求 {threshold} 个见证人，{seen} 个已联署",
  ],
};

const NOT_CHECKED = {
  "not.truth": [
    "that what is recorded is true: shown is who stated it, when, and that it is unchanged",
    "所记内容是否属实：所证明的是由谁、何时陈述，以及未被改动",
  ],
  "not.off_log": [
    "events kept off this log, and claims under another asset key or on another origin's log",
    "未记入本日志的事件，以及另一资产键下或另一日志上的债权",
  ],
  "not.independence": ["that those who sign are independent of each other", "各签名方是否彼此独立"],
  "not.completeness": [
    "other records of the same subject: later ones may correct or follow this one",
    "同一对象的其他记录：后来的记录可能更正或接续本记录",
  ],
  "not.statement": [
    "that the party itself made this statement: it did not sign, so it is claimed by the platform",
    "该方是否亲自作出这项陈述：它没有签名，因此仅为平台的声称",
  ],
  "not.opening_position": [
    "the position asserted when this seasoned loan was opened, and its life before that day",
    "这笔存量贷款入账时所声称的余额，以及此前的经过",
  ],
  "not.weak_asset_key": [
    "pledges of the same claim on another log: its asset key is the weak fallback of this one",
    "同一债权在另一日志上的质押：其资产键是本日志的弱键",
  ],
  "not.other_registers": [
    "registers of other logs: a claim that is absent here may be pledged there",
    "其他日志的登记册：此处没有的债权可能已在彼处质押",
  ],
  "not.history_records": [
    "the records behind the changes of place: their digests are bound, their receipts not given",
    "归属变更背后的记录：其摘要已被绑定，但未给出其回执",
  ],
  "not.seal_completeness": [
    "that no claim of the pool is missing in the seal: who opens all its leaves sees it, one path does not",
    "封存是否遗漏池中的债权：打开全部叶子才能看到，单条路径不能",
  ],
  "not.seal_amounts": [
    "that the amounts are what was owed on the as-of day: the receipts of the loan's records show it",
    "金额是否为截止日的欠款：由该贷款各记录的回执证明",
  ],
  "not.seal_state": [
    "that the state sealed is the register's at the sealed size: a claim proof of that size shows it",
    "所封存的状态是否为该规模登记册中的状态：由该规模的债权证明证明",
  ],
  seal_without_state: [
    "which loan and state the claim in the seal is of: the file does not open it",
    "封存中的债权属于哪笔贷款、何种状态：文件未予打开",
  ],
  "not.earlier_registers": [
    "earlier registers: give an earlier proof of the claim to see that its history only grew",
    "较早的登记册：请给出该债权较早的证明，以查看其历史是否只有增加",
  ],
  "not.inclusion": [
    "that the event is in a published tree: this is the log's promise, the receipt shows its keeping",
    "事件是否在已公布的树中：这是日志的承诺，由回执证明其履行",
  ],
  "not.witnesses": [
    "that others were shown the same tree: the trust root's policy asks for no witness",
    "他人是否看到同一棵树：信任根的规则不要求见证人",
  ],
  witnesses_missing: ["that others were shown the same tree: {reason}", "他人是否看到同一棵树：{reason}"],
  anchor_missing: ["that the chain holds this root: {reason}", "链上是否保存着这个树根：{reason}"],
  trust_root_origin: [
    "where the trust root came from: compare its fingerprint {fingerprint} with your agreement and with the contract",
    "信任根从何而来：请将其指纹 {fingerprint} 与您的协议及合约核对",
  ],
  "not.block": [
    "that this block is on the chain for good: its hash was given by you or your trust root",
    "该区块是否永久在链上：其哈希由您或您的信任根给出",
  ],
  "not.chain_identity": [
    "chain id and genesis: a state proof speaks of one block only",
    "链编号与创世区块：状态证明只涉及一个区块",
  ],
  "not.after_the_block": [
    "what happened after this block: a pause, a close, a newer fingerprint of the trust root",
    "该区块之后发生之事：暂停、关闭、信任根的新指纹",
  ],
  node_truth: [
    "that the node {node} tells the truth about its chain",
    "节点 {node} 是否如实说明其链的情况",
  ],
  grade_devnet: [
    "the chain is a devnet: whoever runs it can rewrite it, anchors and all",
    "该链是开发网络：运行者可以连同锚定一起改写",
  ],
  grade_operator: ["the chain has one operator, who can rewrite it", "该链只有一个运营者，其可以改写"],
  grade_consortium: [
    "the chain is a consortium's: enough of its members together can rewrite it",
    "该链为联盟链：足够多的成员联合起来可以改写",
  ],
  grade_public: ["the chain is public: its finality is its validators'", "该链为公链：其最终性取决于验证者"],
  no_fingerprint: [
    "the contract carries no fingerprint of a trust root for this log",
    "合约中没有本日志信任根的指纹",
  ],
  old_anchor: [
    "the newest anchor of the log is {age} s old, more than the {most} s that the trust root allows: the log may have stopped or be hidden",
    "日志最新的锚定已有 {age} 秒，超过信任根允许的 {most} 秒：日志可能已停止或被隐藏",
  ],
};

export const WORDS = { ...STEPS, ...NOT_CHECKED };
const AT = { en: 0, zh: 1 };

/** A sentence by its key, with what goes into it; a parameter may be a sentence itself. */
export const message = (key, params = {}) => ({ key, params });

/** The sentence in a language, "en" or "zh". */
export function say(language, { key, params }) {
  return WORDS[key][AT[language]].replace(/\{(\w+)\}/g, (_, name) => {
    const value = params[name];
    return value?.key ? say(language, value) : String(value);
  });
}
