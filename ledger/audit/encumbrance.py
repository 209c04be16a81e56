"""Who held each claim of a pool, at every register since the last audit.

Each published register commits to one encumbrance for each claim: version, digest of the whole history, holders. From
the records the history follows; so at every register between the last audit and this one the claim must stand there in
the version that the records before it give. Registers share the pages that did not change, so following them costs what
changed, not what they hold.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from ledger import register
from ledger.audit.damage import UNREAD, UNREADABLE
from ledger.audit.findings import Evidence, Notes
from ledger.audit.pool import Pool
from ledger.audit.sight import UNOPENED, Nonces, Opener
from ledger.errors import RefusedError
from ledger.proofs.canonical import sha256
from ledger.proofs.encumbrance import (
    ZERO,
    Encumbrance,
    advance,
    claim_key,
    encode_holders,
    holder_id,
    parse_holders,
    sorted_holders,
)
from ledger.store import ReadConnection, records, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow
from ledger.store.trees import RegisterRow

#: Keys of the register in one part, or so: they are followed at a time.
PART_KEYS: Final = 20_000

#: Loans whose claims are looked up at a time.
LOOKED_UP: Final = 5_000

#: Register pages kept between two registers: some 3 KB each.
MAX_PAGES: Final = 20_000


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim of the pool: where it stands in the register, and all steps of its history."""

    subject: str
    row: ClaimRow
    steps: Sequence[EncumbranceRow]
    nonces: Nonces | None
    erased: bool

    @property
    def opened(self) -> bool:
        """Whether each version can be held against the registers: who was told the last nonce was told all."""
        key, last = bytes(self.row.asset_key), len(self.steps)
        return self.nonces is not None and self.nonces.encumbrance(key, last) is not None

    def expected(self, before: int) -> bytes | None:
        """Digest of the encumbrance of an opened claim in the register at ``before``; None where it is not there."""
        if self.row.index >= before:
            return None
        steps = [step for step in self.steps if step.index < before]
        version, history, holders = (
            (steps[-1].version, bytes(steps[-1].history), bytes(steps[-1].holders))
            if steps
            else (0, ZERO, b"\0")
        )
        nonce = None if self.nonces is None else self.nonces.encumbrance(bytes(self.row.asset_key), version)
        if nonce is None:
            return None
        place = Encumbrance(nonce=nonce, version=version, history=history, holders=parse_holders(holders))
        return sha256(place.encode())


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the register, the keys that begin with these hex digits, and loans with a claim there (subject ids)."""

    prefix: str
    loan_ids: Sequence[int]


def parts(connection: ReadConnection, log: LogRow, loan_ids: Sequence[int], *, size: int) -> list[Part]:
    """The work on these loans, divided by the places of their claims in the register of the tree of a size.

    So whoever does a part goes through that part of each register once, and has no more of them in memory.
    """
    entry = trees.register_at(connection, log.id, size - 1)
    digits = 0
    while entry is not None and entry.count > PART_KEYS << 4 * digits:
        digits += 1
    found: dict[str, array[int]] = {}
    for start in range(0, len(loan_ids), LOOKED_UP):
        rows = subjects.claims_of(connection, loan_ids[start : start + LOOKED_UP])
        for row in sorted(rows, key=attrgetter("subject_id")):
            prefix = claim_key(bytes(row.asset_key)).hex()[:digits]
            loans = found.setdefault(prefix, array("q"))
            if not loans or loans[-1] != row.subject_id:
                loans.append(row.subject_id)
    return [Part(prefix, loans) for prefix, loans in sorted(found.items())]


def follow(
    connection: ReadConnection, log: LogRow, pool: Pool, part: Part, *, since: int, size: int, opener: Opener | None
) -> Notes:  # fmt: skip
    """Perform the procedure encumbrance on a part of the claims, over the registers with since ≤ size of their tree ≤
    ``size``.
    """
    notes = Notes()
    procedure = notes.procedure("encumbrance")
    claims = _read(connection, log, part, size, opener)
    digests = records.digests_at(
        connection, log.id, {step.index for claim in claims.values() for step in claim.steps}
    )
    for claim in claims.values():
        _check_history(claim, digests, notes)
        _check_moves(claim, pool, since, digests, notes)
    followed = {key: claim for key, claim in claims.items() if claim.opened}
    erased = sum(claim.erased for claim in claims.values())
    procedure.answered(len(followed))
    for reason, times in (("the loan is erased", erased), (UNOPENED, len(claims) - len(followed) - erased)):
        if times:
            procedure.undecided(reason, times)
    if opener is not None:
        try:
            registers = registers_since(connection, log, since, size)
            _walk(connection, log, registers, prefix=part.prefix, claims=followed, notes=notes)
        except UNREADABLE as error:  # pages are missing or damaged: what registers hold is not known
            notes.find("register.unreadable", "log", size=size, reason=str(error))
            procedure.undecided(UNREAD, len(followed))
    return notes


def check_since(since: int, size: int) -> None:
    """Raise :class:`RefusedError` where the last audit is said to be of a later size than the one looked at.

    No register would be followed then, and nothing that one showed be seen: "passed" would say what nobody asked.
    """
    if since > size:
        raise RefusedError("since", f"size {since} is later than {size}, the size looked at")


def registers_since(connection: ReadConnection, log: LogRow, since: int, size: int) -> list[RegisterRow]:
    """The registers with since ≤ size of their tree ≤ ``size``."""
    return trees.registers_between(connection, log.id, max(0, since - 1), size)


def _read(
    connection: ReadConnection, log: LogRow, part: Part, size: int, opener: Opener | None
) -> dict[bytes, _Claim]:
    """Register key → claim, of those in this part of the register."""
    loans = subjects.by_id(connection, part.loan_ids)
    rows = {
        key: row
        for row in subjects.claims_of(connection, part.loan_ids)
        if row.index < size and row.subject_id in loans
        if (key := claim_key(bytes(row.asset_key))).hex().startswith(part.prefix)
    }
    steps: dict[bytes, list[EncumbranceRow]] = {bytes(row.asset_key): [] for row in rows.values()}
    for step in subjects.encumbrances_of(connection, log.id, steps, before=size):
        steps[bytes(step.asset_key)].append(step)
    nonces = {
        loan.id: _opened(opener, loan) if opener is not None and loan.secret is not None else None
        for loan in loans.values()
    }
    return {
        key: _Claim(
            loans[row.subject_id].name,
            row,
            steps[bytes(row.asset_key)],
            nonces[row.subject_id],
            erased=loans[row.subject_id].secret is None,
        )
        for key, row in rows.items()
    }


def _opened(opener: Opener, loan: SubjectRow) -> Nonces | None:
    """The nonces of a loan; None where its secret cannot be read, which is a finding about the loan already."""
    try:
        return opener.open(loan)
    except UNREADABLE:
        return None


def _check_history(claim: _Claim, digests: Mapping[int, bytes], notes: Notes) -> None:
    """Each step follows from the one before: its version, its record's digest, the holders that its change leaves."""
    try:
        reason = _break(claim, digests)
    except UNREADABLE as error:
        reason = str(error)
    if reason:
        notes.find("pledge.history_broken", claim.subject, claim=claim.row.name, reason=reason)


def _break(claim: _Claim, digests: Mapping[int, bytes]) -> str:
    """Where a history breaks first, in words; empty where it does not."""
    history, held = ZERO, Counter[bytes]()
    for number, step in enumerate(claim.steps, start=1):
        held[holder_id(step.holder)] += step.change
        holders = sorted_holders(held.items())
        history = advance(history, digests.get(step.index, ZERO), holders)
        if step.version != number:
            return f"version {step.version} stands where {number} must"
        if bytes(step.holders) != encode_holders(holders):
            return f"version {number} names other holders than its changes leave"
        if bytes(step.history) != history:
            return f"version {number} is not the digest of its record and the history before"
    return ""


def _check_moves(claim: _Claim, pool: Pool, since: int, digests: Mapping[int, bytes], notes: Notes) -> None:
    """A holder of this pool whose share, or a part of it, went to others and came back, since the last audit.

    Of who had given all of it back, it was with everybody who took some meanwhile; of who kept a part, with those who
    took some and gave it back, since a part that another keeps is sold to it.
    """
    held: dict[str, int] = {}
    left: dict[str, _Away] = {}
    for step in claim.steps:
        before, after = held.get(step.holder, 0), held.get(step.holder, 0) + step.change
        held[step.holder] = after
        for name, away in left.items():
            if step.holder != name:
                away.note(step)
        if after < before:
            away = left.setdefault(step.holder, _Away(step.index))
            if after == 0:
                away.took_since_all.clear()
        elif before < after and step.holder in left:
            away = left.pop(step.holder)
            first, others = away.first, away.had_it(whole=before == 0)
            if others and step.index >= since and pool.id == step.pool_id:
                shown = [Evidence(at, digests[at].hex()) for at in (first, step.index) if at in digests]
                notes.find(
                    "pledge.moved_between", claim.subject, claim=claim.row.name, evidence=shown, holder=step.holder,
                    first=f"entry {first}", last=f"entry {step.index}", others=", ".join(sorted(others)),
                )  # fmt: skip


@dataclass(slots=True)
class _Away:
    """What others did since a holder gave a share back, or a part of it, at entry ``first``."""

    first: int
    took: set[str] = field(default_factory=set)
    took_and_gave: set[str] = field(default_factory=set)
    #: who took some since the holder had nothing left
    took_since_all: set[str] = field(default_factory=set)

    def note(self, step: EncumbranceRow) -> None:
        """Another holder takes or gives back some."""
        if step.change > 0:
            self.took.add(step.holder)
            self.took_since_all.add(step.holder)
        elif step.holder in self.took:
            self.took_and_gave.add(step.holder)

    def had_it(self, *, whole: bool) -> set[str]:
        """With whom it was meanwhile; ``whole``: the holder had nothing left when it came back."""
        return self.took_and_gave | (self.took_since_all if whole else set())


def _walk(
    connection: ReadConnection, log: LogRow, registers: Sequence[RegisterRow], *, prefix: str,
    claims: Mapping[bytes, _Claim], notes: Notes,
) -> None:  # fmt: skip
    """At each register a claim stands in the version that the records before it give."""
    moved = sorted((step.index, key) for key, claim in claims.items() for step in claim.steps)
    standing: dict[bytes, bytes | None] = {}
    broken: set[bytes] = set()
    page = place = 0

    known: dict[int, bytes] = {}

    def read(ids: Iterable[int]) -> Mapping[int, bytes]:
        """Pages, those of the register before from memory."""
        wanted = set(ids)
        # Not ``wanted - known.keys()``, which goes through all that is known for each page that is asked for.
        known.update(trees.pages(connection, log.id, [page for page in wanted if page not in known]))
        return {page: known[page] for page in wanted if page in known}

    for row in registers:
        look = set()
        for key, value in register.changed(read, page, row.page, prefix):
            if key in claims:
                standing[key] = None if value is None else value[:32]
                look.add(key)
        while place < len(moved) and moved[place][0] < row.index:
            look.add(moved[place][1])
            place += 1
        for key in look - broken:
            claim = claims[key]
            try:
                expected = claim.expected(row.index)
            except UNREADABLE:  # its history is broken there, which is told already
                broken.add(key)
                continue
            if standing.get(key) != expected:
                broken.add(key)
                reason = (
                    f"the register at {row.index} commits to another place than the records before it give"
                )
                notes.find("pledge.history_broken", claim.subject, claim=claim.row.name, reason=reason)
        page = row.page
        if len(known) > MAX_PAGES:
            known.clear()
