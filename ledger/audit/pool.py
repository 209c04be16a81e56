"""The audited pool: its own records, its rules on the audit's day, and which loans are or were in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from ledger import register
from ledger.audit.chains import read_records
from ledger.audit.checks.case import Move, PoolClaim
from ledger.audit.findings import Notes
from ledger.audit.rules import PoolRules, Versions
from ledger.audit.statements import Signers
from ledger.domain import calendar
from ledger.domain.events.loans import LoanDisbursed
from ledger.domain.events.pools import PoolCreated
from ledger.domain.events.terms import Terms
from ledger.domain.events.transfers import Acceptance, ClaimReleased, Repurchase, Transfer
from ledger.domain.fold import Indexed, Standing
from ledger.domain.record import Record
from ledger.errors import IntegrityError, NotFoundError
from ledger.proofs.encumbrance import pool_key
from ledger.store import ReadConnection, records, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.subjects import ClaimRow, EncumbranceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool below a size. ``days`` are the effective days (ordinals) of its own records, by index.

    ``versions`` are its rules by the day (ordinal) from which each version is in force, ``rules`` those of the audit's
    day. ``late`` are the days (ordinals) of the ledger's clock on which transfers into it were recorded, by index, of
    those that came later than the rules' delay after they took effect. ``records`` are those that hold, ``whole`` says
    whether these are all, ``head`` is the digest of the newest.
    Lists of claims, which make up nearly all of a large pool, are left in the bytes (``raw``) of its records.
    """

    name: str
    id: int
    title: str
    records: tuple[Indexed, ...]
    rules: PoolRules
    versions: Versions
    days: dict[int, int]
    late: dict[int, int]
    head: bytes
    whole: bool

    @property
    def subject(self) -> str:
        """Its subject in the log."""
        return f"pool:{self.name}"

    def check_begun(self, day: date) -> None:
        """Raise :class:`NotFoundError` where no record is of this day or an earlier one: no rules and no claims yet."""
        if self.days and min(self.days.values()) > day.toordinal():
            raise NotFoundError(f"{self.subject} began after {day}")

    def unaccepted(self, day: date) -> int:
        """How many pledges and sales until a day the holder has not signed that it accepts them."""
        transfers = (one.event for _, one in self.records if one.when.last_day <= day)
        return sum(
            isinstance(one, Transfer) and not isinstance(one.acceptance, Acceptance) for one in transfers
        )


def load(
    connection: ReadConnection,
    log: LogRow,
    name: str,
    *,
    before: int,
    as_of: date,
    notes: Notes | None = None,
    signers: Signers | None = None,
) -> Pool:
    """Read a pool's own records with an index below ``before``, and write into ``notes`` which of them do not hold.

    With ``signers`` it writes there, too, which of them are not signed as they must be, or as they claim to be.
    Raises :class:`NotFoundError`; :class:`IntegrityError` where the register has a pool of this name and the database
    does not, and without ``notes`` for a record that does not hold.
    """
    row = subjects.by_name(connection, log.id, [f"pool:{name}"]).get(f"pool:{name}")
    own = [] if row is None else records.of_subject(connection, row.id, before=before)
    if row is None or not own:
        _check_unknown(connection, log, name, before)
        raise NotFoundError(f"no pool {name!r} in this log below size {before}")
    found = Notes() if notes is None else notes
    told = read_records(row.name, log.origin, own, found)
    if signers is not None:
        signers.unproven(log.origin, told, found)
    parsed = tuple((index, _without_claims(one)) for index, one in told)
    if notes is None and len(parsed) != len(own):
        raise IntegrityError(f"pool {name!r}: {found.findings[0].text()}")
    title, versions = "", []
    for index, one in parsed:
        if isinstance(one.event, PoolCreated) and one.when.last_day <= as_of:
            title = one.event.title if isinstance(one.event.title, str) else title
            version = PoolRules.of(msgspec.to_builtins(one.event.rules), recorded=index)
            versions.append((one.when.ordinal, version))
    rules = versions[-1][1] if versions else PoolRules()
    return Pool(
        name=name, id=row.id, title=title, records=parsed,
        rules=rules, versions=tuple(versions),
        days={index: one.when.ordinal for index, one in parsed}, late=_late(log, parsed, rules),
        head=bytes(own[-1].digest), whole=len(parsed) == len(own),
    )  # fmt: skip


def _late(log: LogRow, own: Sequence[Indexed], rules: PoolRules) -> dict[int, int]:
    """Transfers that were recorded later than the rules' delay after they took effect, and on which day."""
    found = {}
    for index, one in own:
        if isinstance(one.event, Transfer):
            instant = calendar.parse_instant(one.posted)
            recorded = calendar.business_date(instant, log.zone, log.day_cut).toordinal()
            if recorded - one.when.ordinal > rules.delay:
                found[index] = recorded
    return found


def _without_claims(one: Record) -> Record:
    """A transfer without its list of claims: what is kept of it is a tenth as large."""
    if not isinstance(one.event, Transfer | ClaimReleased | Repurchase):
        return one
    return msgspec.structs.replace(one, event=msgspec.structs.replace(one.event, claims=[]))


def _check_unknown(connection: ReadConnection, log: LogRow, name: str, before: int) -> None:
    """The register of the tree knows no such pool either: else its row is lost, and "no such pool" would be a lie."""
    entry, key = trees.register_before(connection, log.id, before), pool_key(name)
    if entry is not None and register.values(
        lambda ids: trees.pages(connection, log.id, ids), entry.page, [key]
    ):
        raise IntegrityError(
            f"the register at {entry.index} has the pool {name!r}, the tables subjects and records have not:"
            " `poolproof fsck` names every place"
        )


def claims_of_loan(
    pool: Pool,
    held: Sequence[Standing],
    rows: Sequence[tuple[ClaimRow, Sequence[EncumbranceRow]]],
    names: Mapping[int, str],
    *,
    as_of: date,
) -> tuple[PoolClaim, ...]:
    """The claims of a loan that are or were in the pool; ``held`` are its records in force, ``names`` those of pools.

    A key that no record brought is the weak fallback. What takes effect after ``as_of`` is among the moves, since a
    seal of the size has it, and does not count as held.
    """
    terms = held[0].event
    assert isinstance(terms, Terms)
    told = {claim.claim: (claim.creditor, claim.share) for claim in terms.claims}
    keyed = {claim.claim for claim in terms.claims if isinstance(claim.asset_key, str)}
    for one in held:
        if isinstance(one.event, LoanDisbursed) and isinstance(one.event.asset_keys, list):
            keyed.update(key.claim for key in one.event.asset_keys)
    found = []
    for row, steps in rows:
        moves = tuple(
            Move(
                pool.days.get(step.index, 0),
                step.index,
                step.holder,
                step.change,
                pool.late.get(step.index, 0),
            )
            for step in steps
            if step.pool_id == pool.id
        )
        if moves:
            creditor, share = told.get(row.name, ("", 0))
            weak = row.name not in keyed
            others = _others(pool, steps, names) if len(moves) < len(steps) else ()
            until = as_of.toordinal() if any(move.day > as_of.toordinal() for move in moves) else 0
            found.append(
                PoolClaim(row.name, bytes(row.asset_key), creditor, share, weak, moves, others, until)
            )
    return tuple(found)


def _others(
    pool: Pool, steps: Sequence[EncumbranceRow], names: Mapping[int, str]
) -> tuple[tuple[str, int], ...]:
    """(pool, ppm) that other pools hold."""
    shares: dict[int, int] = {}
    for step in steps:
        if step.pool_id != pool.id:
            shares[step.pool_id] = shares.get(step.pool_id, 0) + step.change
    return tuple((names.get(other, ""), share) for other, share in sorted(shares.items()) if share > 0)
