"""A subject's records as a chain: each has its digest, its place, and the digest of the one before it."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.audit.findings import Evidence, Finding, Notes
from ledger.domain import record
from ledger.domain.fold import Indexed
from ledger.domain.record import Record
from ledger.errors import PoolproofError
from ledger.proofs.canonical import sha256
from ledger.store.records import RecordRow
from ledger.store.subjects import SubjectRow


def all_there(row: SubjectRow, own: Sequence[RecordRow], *, before: int) -> bool:
    """Whether ``own`` are all records of a subject below an index, by their numbers and by what its row counts."""
    if row.last_index < before and row.count != len(own):
        return False
    return all(one.seq == seq for seq, one in enumerate(own))


def read_records(subject: str, origin: str, own: Sequence[RecordRow], notes: Notes) -> list[Indexed]:
    """Parse all of a subject's records, in their order; those that do not hold are findings and are left out."""
    notes.procedure("records").answered(len(own))
    parsed: list[Indexed] = []
    previous: bytes | None = None
    for seq, row in enumerate(own):
        digest = bytes(row.digest)
        code, facts, one = _read_record(row, digest)
        if one is not None and (one.seq, one.prev, one.subject, one.origin) != (
            seq,
            previous,
            subject,
            origin,
        ):
            expected = f"expected number {seq} of {subject} after {previous.hex() if previous else 'nothing'}"
            code, facts = "record.unchained", {"seq": one.seq, "reason": expected}
        if one is not None and not code:
            parsed.append((row.index, one))
        else:
            notes.note(
                Finding(
                    code=code, subject=subject, facts=facts, evidence=(Evidence(row.index, digest.hex()),)
                )
            )
        previous = digest
    return parsed


def _read_record(row: RecordRow, digest: bytes) -> tuple[str, dict[str, str | int], Record | None]:
    """The record; or the code and facts of what is wrong with it."""
    if row.record is None:
        return "record.withheld", {"id": row.event_id}, None
    raw = bytes(row.record)
    found = sha256(raw)
    if found != digest:
        return "record.altered", {"found": found.hex(), "committed": digest.hex()}, None
    try:
        return "", {}, record.parse(raw)
    except PoolproofError as error:
        return "record.malformed", {"reason": str(error)}, None
