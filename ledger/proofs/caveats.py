"""What no verification here can show, in the words that every verdict prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.proofs.verdict import NotChecked

if TYPE_CHECKING:
    from ledger.proofs.recordform import RecordView
    from ledger.proofs.trust import TrustRoot

#: True of every verdict, whatever was given.
ALWAYS: Final = (
    NotChecked(
        "truth", "that what is recorded is true: shown is who stated it, when, and that it is unchanged"
    ),
    NotChecked(
        "off_log", "events kept off this log, and claims under another asset key or on another origin's log"
    ),
    NotChecked("independence", "that those who sign are independent of each other"),
)
ONE_RECORD: Final = NotChecked(
    "completeness", "other records of the same subject: later ones may correct or follow this one"
)
BY_PLATFORM: Final = NotChecked(
    "statement",
    "that the party itself made this statement: it did not sign, so it is claimed by the platform",
)
SEASONED: Final = NotChecked(
    "opening_position",
    "the position asserted when this seasoned loan was opened, and its life before that day",
)
WEAK_KEY: Final = NotChecked(
    "weak_asset_key",
    "pledges of the same claim on another log: its asset key is the weak fallback of this one",
)
NOT_IN_OTHER_LOGS: Final = NotChecked(
    "other_registers", "registers of other logs: a claim that is absent here may be pledged there"
)
HISTORY_INDEXES: Final = NotChecked(
    "history_records",
    "the records behind the changes of place: their digests are bound, their receipts not given",
)
SEAL_COMPLETE: Final = NotChecked(
    "seal_completeness",
    "that no claim of the pool is missing in the seal: who opens all its leaves sees it, one path does not",
)
SEAL_AMOUNTS: Final = NotChecked(
    "seal_amounts",
    "that the amounts are what was owed on the as-of day: the receipts of the loan's records show it",
)
SEAL_STATE: Final = NotChecked(
    "seal_state",
    "that the state sealed is the register's at the sealed size: a claim proof of that size shows it",
)
SEAL_WITHOUT_STATE: Final = NotChecked(
    "seal_state", "which loan and state the claim in the seal is of: the file does not open it"
)
NO_EARLIER: Final = NotChecked(
    "earlier_registers",
    "earlier registers: give an earlier proof of the claim to see that its history only grew",
)
PROMISE: Final = NotChecked(
    "inclusion",
    "that the event is in a published tree: this is the log's promise, the receipt shows its keeping",
)
NO_WITNESS: Final = NotChecked(
    "witnesses", "that others were shown the same tree: the trust root's policy asks for no witness"
)

_GRADES: Final = {
    "devnet": "the chain is a devnet: whoever runs it can rewrite it, anchors and all",
    "operator": "the chain has one operator, who can rewrite it",
    "consortium": "the chain is a consortium's: enough of its members together can rewrite it",
    "public": "the chain is public: its finality is its validators'",
}


def of_trust(trust: TrustRoot) -> tuple[NotChecked, ...]:
    """What depends on the trust root: where it came from, and the grade of its chain."""
    origin = NotChecked(
        "trust_root",
        f"where the trust root came from: compare its fingerprint {trust.fingerprint} with your agreement "
        "and with the contract",
    )
    if trust.chain is None:
        return (origin,)
    return (origin, NotChecked("chain_grade", _GRADES[trust.chain.grade]))


def of_record(record: RecordView) -> tuple[NotChecked, ...]:
    """What depends on the record."""
    items = [ONE_RECORD]
    if record.sig is None:
        items.append(BY_PLATFORM)
    if record.type == "loan.opened":
        items.append(SEASONED)
    return tuple(items)


def no_anchor(reason: str) -> NotChecked:
    """That no anchor was seen, and why."""
    return NotChecked("anchor", f"that the chain holds this root: {reason}")
