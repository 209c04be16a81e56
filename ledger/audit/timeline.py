"""One loan, told: its records on both clocks, what each did to the balance, the instalments, and where it stands.

The same reading of the records that the audit takes, for a person who asks about one loan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.audit.chains import all_there
from ledger.audit.checks import life, reports, schedule, terms
from ledger.audit.checks.case import Case
from ledger.audit.erased import Erasures
from ledger.audit.findings import Finding
from ledger.audit.rules import PoolRules
from ledger.audit.run import last_day
from ledger.domain import money, record
from ledger.domain.fold import Indexed, principal_after, unsuperseded
from ledger.domain.record import Record
from ledger.errors import IntegrityError, MalformedError, NotFoundError, UndeterminedError
from ledger.store import ReadConnection, records, subjects
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A loan below a size, as of a day. ``events`` and ``plan`` are plain rows; amounts are decimal strings."""

    case: Case
    size: int
    as_of: date
    events: tuple[dict[str, Any], ...]
    plan: tuple[dict[str, Any], ...]
    #: why there is no plan, in words; empty where there is one
    no_plan: str
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The timeline as one document."""
        case, position = self.case, self.case.position
        return {
            "loan": case.loan,
            "size": self.size,
            "as_of": self.as_of.isoformat(),
            "currency": case.currency,
            "status": case.state.status,
            "principal": case.money(case.state.principal),
            "claims": [
                {
                    "claim": part.name, "creditor": part.creditor, "share": part.share,
                    "principal": case.money(part.principal),
                }
                for part in case.state.claims
            ],
            "days_past_due": position.days_past_due,
            "bucket": case.rules.measure.bucket(case.rules.measure.days(position)),
            "arrears": None if position.arrears is None else case.money(position.arrears),
            "oldest_unpaid": None if position.oldest_unpaid is None else position.oldest_unpaid.isoformat(),
            "paid_by_others": list(position.paid_by_others),
            "undetermined": position.undetermined,
            "events": list(self.events),
            "plan": list(self.plan),
            "no_plan": self.no_plan,
            "findings": [one.to_json() for one in self.findings],
        }  # fmt: skip


def tell(
    connection: ReadConnection, log: LogRow, loan: str, *, size: int | None = None, as_of: date | None = None
) -> Timeline:
    """Read a loan's records with an index below ``size`` (default: all).

    Raises :class:`NotFoundError`, and :class:`IntegrityError` where the database is damaged.
    """
    try:
        return _tell(connection, log, loan, size=size, as_of=as_of)
    except (
        TypeError,
        ValueError,
        OverflowError,
    ) as error:  # a column holds what is not of its type, in SQLite
        raise IntegrityError(
            f"the database is damaged where it has loan:{loan} ({error}): `poolproof fsck` names the place"
        ) from error


def _tell(
    connection: ReadConnection, log: LogRow, loan: str, *, size: int | None, as_of: date | None
) -> Timeline:
    before = log.size if size is None else size
    row = subjects.by_name(connection, log.id, [f"loan:{loan}"]).get(f"loan:{loan}")
    own = [] if row is None else records.of_subject(connection, row.id, before=before)
    if row is None or not own:
        raise NotFoundError(f"no loan {loan!r} in this log" + (f" below size {size}" if size else ""))
    if any(one.record is None for one in own):
        if Erasures.read(connection, log).of(row.name, own, before=before) is None:
            raise IntegrityError(
                f"bytes of records of loan:{loan} are gone, and no subject.erased names them: `poolproof audit` and "
                "`fsck` say which"
            )
        raise NotFoundError(f"loan:{loan} is erased: its {len(own)} digests stay, its records are gone")
    if not all_there(row, own, before=before):
        raise IntegrityError(f"a record of loan:{loan} is missing: `poolproof audit` and `fsck` say which")
    parsed = [(one.index, _read(one)) for one in own if one.record is not None]
    day = as_of or last_day(connection, log, before)
    held = unsuperseded(parsed, until=day)
    if not held or not held[0].record.kind.begins:
        raise NotFoundError(f"loan:{loan} began after {day.isoformat()}")
    case = Case(loan, parsed, held, (), as_of=day, rules=PoolRules())
    for check in (reports.check, terms.check, schedule.check, life.check):
        check(case)
    plan, no_plan = _plan(case)
    return Timeline(
        case=case, size=before, as_of=day, events=tuple(_events(case, parsed)), plan=plan, no_plan=no_plan,
        findings=tuple(sorted(case.notes.findings, key=lambda one: one.order)),
    )  # fmt: skip


def _read(row: RecordRow) -> Record:
    """A record, if its bytes are those that were committed."""
    try:
        one = record.parse(bytes(row.record or b""))
    except MalformedError as error:
        raise IntegrityError(f"record {row.index}: {error}: `poolproof fsck` names the place") from error
    if one.digest != bytes(row.digest):
        raise IntegrityError(
            f"record {row.index} is not the one that was committed: `poolproof fsck` says more"
        )
    return one


def _events(case: Case, parsed: Iterable[Indexed]) -> Iterable[dict[str, Any]]:
    in_force = {one.index: one for one in case.held}
    owed = {one.index: after for one, after in principal_after(case.held)}
    principal = 0
    for index, one in sorted(parsed, key=lambda pair: pair[1].moment):
        held = in_force.get(index)
        event = one.event if held is None else held.event
        if one.moment >= case.held[0].moment:  # of what came before the loan was opened nothing is derived
            principal = owed.get(index, principal)
        yield {
            "index": index,
            "id": one.id,
            "type": one.kind.name,
            "effective": one.effective,
            "posted": one.posted,
            "party": one.party,
            "signed": one.sig is not None,
            "amount": _amount(event),
            "payer": getattr(event, "payer", None)
            if isinstance(getattr(event, "payer", None), str)
            else None,
            "principal_after": case.money(principal),
            "corrected_by": None if held is None or held.correction is None else held.correction[0],
            "in_force": held is not None,
            "digest": one.digest.hex(),
        }


def _amount(event: object) -> str | None:
    for name in ("amount", "balance"):
        if isinstance(text := getattr(event, name, None), str):
            return text
    return None


def _plan(case: Case) -> tuple[tuple[dict[str, Any], ...], str]:
    try:
        plan = case.life.plan(case.as_of)
    except UndeterminedError as error:
        return (), str(error)
    shown = [
        {
            "number": due.number, "due": due.date.isoformat(),
            **{name: money.format(getattr(due, name), case.currency) for name in ("principal", "interest", "fee")},
        }
        for due in plan
    ]  # fmt: skip
    return tuple(shown), ""
