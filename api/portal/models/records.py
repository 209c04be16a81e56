"""Records as pages show them: what each says, when it was effective and posted, where it stands; and its proof, drawn.

The members of ``data`` are shown as written: they are what was signed and hashed, and a translation would be another
text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from api.portal.models.ladder import Reach, Step, of_record, reach
from ledger.domain import calendar, record
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.record import Record
from ledger.errors import PoolproofError
from ledger.log import Ledger
from ledger.proofs import merkle
from ledger.proofs.entries import record_entry
from ledger.store import anchors, logs, records, trees
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow
from ledger.tree import tree_at

#: A list in ``data`` is shown by its length where it is longer: a batch pledges up to 500 claims.
MAX_LISTED: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record. ``data`` are its members as written; ``private`` counts the fields that are hidden in it.

    ``fate`` is empty where it holds, else ``corrected`` or ``void``, by the record at ``by``. ``lag`` are the days from
    effective to posted. An erased record has only index, digest, party and id.
    """

    index: int
    seq: int
    id: str
    party: str
    digest: str
    state: str
    erased: bool = False
    type: str = ""
    subject: str = ""
    effective: str = ""
    posted: str | None = None
    signed: str | None = None
    data: tuple[tuple[str, str], ...] = ()
    private: int = 0
    fate: str = ""
    by: int | None = None
    lag: int | None = None
    raw: str = ""

    @property
    def amount(self) -> tuple[str, str] | None:
        """The amount and its currency, where it is about one."""
        named = dict(self.data)
        return (named["amount"], named["currency"]) if {"amount", "currency"} <= named.keys() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A step of a proof: the hash beside the way, on which side of it, and the entries that it covers."""

    level: int
    hash: str
    left: bool
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The way of an entry to the root of a published tree, from the leaf up; ``nodes`` are the hashes on the way."""

    size: int
    leaf: str
    root: str
    siblings: tuple[Sibling, ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """One record with its ladder and, once it is published, its proof."""

    entry: Entry
    ladder: tuple[Step, ...]
    path: Path | None


def entries(own: Sequence[RecordRow], found: Reach, log: LogRow) -> tuple[Entry, ...]:
    """The records of one subject in the order of the log."""
    parsed = {row.index: _parsed(row) for row in own}
    fates: dict[str, tuple[str, int]] = {}
    for index, one in parsed.items():
        if one is not None and isinstance(one.event, CorrectionMade):
            fates[one.event.record] = ("corrected" if one.amounts is not None else "void", index)
    return tuple(_entry(row, parsed[row.index], found, log, fates) for row in own)


def page(ledger: Ledger, row: RecordRow) -> RecordPage:
    """A record that the reader was found to see."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        own = records.of_subject(connection, row.subject_id)
        found = reach(connection, log)
        entry = next(one for one in entries(own, found, log) if one.index == row.index)
        steps = of_record(connection, log, row.index, entry.posted)
        size = anchors.smallest_size_above(connection, log.id, row.index)
        checkpoint = trees.checkpoint(connection, log.id, size) if size else None
        checkpoint = checkpoint or trees.first_checkpoint_above(connection, log.id, row.index)
        path = None
        if checkpoint is not None:
            proof = tree_at(connection, log.id, checkpoint.size).inclusion_proof(row.index)
            leaf = merkle.leaf_hash(record_entry(bytes(row.digest)))
            path = path_of(row.index, checkpoint.size, leaf, list(proof), bytes(checkpoint.root))
    return RecordPage(entry=entry, ladder=steps, path=path)


def path_of(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> Path:
    """The way from a leaf to the root, each step with its side, as RFC 9162 2.1.3.2 combines them."""
    siblings, nodes = [], [leaf.hex()]
    running = leaf
    for level, (cover, beside) in enumerate(zip(merkle.inclusion_nodes(index, size), proof, strict=True)):
        first, last = _span(cover)
        left = last < index
        running = merkle.node_hash(beside, running) if left else merkle.node_hash(running, beside)
        siblings.append(
            Sibling(level=level, hash=beside.hex(), left=left, first=first, last=min(last, size - 1))
        )
        nodes.append(running.hex())
    return Path(size=size, leaf=leaf.hex(), root=root.hex(), siblings=tuple(siblings), nodes=tuple(nodes))


def _span(cover: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The first and last leaf below these nodes, given as (level, index)."""
    firsts = [index << level for level, index in cover]
    lasts = [((index + 1) << level) - 1 for level, index in cover]
    return min(firsts), max(lasts)


def _parsed(row: RecordRow) -> Record | None:
    if row.record is None:
        return None
    try:
        return record.parse(bytes(row.record))
    except PoolproofError:
        return None  # what is wrong with it is for an audit to say; the page shows its digest


def _entry(
    row: RecordRow, one: Record | None, found: Reach, log: LogRow, fates: dict[str, tuple[str, int]]
) -> Entry:
    digest = bytes(row.digest).hex()
    fate, by = fates.get(digest, ("", None))
    if one is None:
        return Entry(
            index=row.index, seq=row.seq, id=row.event_id, party=row.party, digest=digest,
            state=found.state_of(row.index), erased=True,
        )  # fmt: skip
    posted = calendar.business_date(calendar.parse_instant(one.posted), log.zone, log.day_cut)
    document = msgspec.json.decode(one.raw)
    return Entry(
        index=row.index, seq=row.seq, id=row.event_id, party=row.party, digest=digest,
        state=found.state_of(row.index), type=one.type, subject=one.subject, effective=one.effective,
        posted=one.posted, signed=None if one.sig is None else one.sig.key,
        data=tuple(_members(document["data"])), private=len(one.private), fate=fate, by=by,
        lag=(posted - one.when.last_day).days if one.when.day is not None else None,
        raw=one.raw.decode(),
    )  # fmt: skip


def _members(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The members of a record's data, nested ones by their path, as text."""
    for name, value in data.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _members(value, f"{path}.")
        elif isinstance(value, list):
            yield path, _list(value)
        else:
            yield path, _text(value)


def _list(value: list[Any]) -> str:
    if len(value) > MAX_LISTED:
        return f"[{len(value)}]"
    return ", ".join(
        " ".join(_text(part) for part in one.values()) if isinstance(one, dict) else _text(one)
        for one in value
    )


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
