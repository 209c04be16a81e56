"""What a file says about each loan at one cut-off: the same rows out of every form that is reconciled.

The readers of :mod:`ledger.tapes` make events of a file. A file that is compared, and not taken in, is read by the
same readers, so that loans are named, cells understood and rows rejected as an import would do it; of the events only
what is said about the position counts: ``balance.reported``, and the flows that stand beside it in the same record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from ledger.domain import money
from ledger.errors import ConfigurationError
from ledger.tapes import csv, ex102, forms, mapping
from ledger.tapes import schedule_al as al
from ledger.tapes.model import Progress, Reject, Submission, Tape, TapeSummary

Form = Literal["ex102", "esma_cmrl", "csv", "ledger_totals"]

#: The submissions that a reader makes need some party; nothing of them is stored.
_READER: Final = "reader"
_REPORT: Final = "balance.reported"
#: Events beside a report whose amounts are flows of its period, and the members that hold them.
_PAYMENT: Final = "repayment.received"
_AMOUNTS: Final = {"loan.charged_off": "charged_off", "recovery.received": "recovered"}


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """A loan as a file shows it; amounts in units of 1e-8, None where the file does not say it.

    ``over``: whether it says that the loan is over for this creditor. ``begin``: the day on which the period of
    ``flows`` begins; these are by name: collected, collected.principal, …, charged_off, recovered.
    """

    loan: str
    place: str
    cut_off: str
    currency: str
    balance: int | None = None
    days_past_due: int | None = None
    over: bool | None = None
    status: str | None = None
    rate: str | None = None
    remaining: int | None = None
    begin: str | None = None
    flows: dict[str, int] = {}


Item: TypeAlias = Reported | Reject


@dataclass(slots=True)
class Positions:
    """A file to be compared: iterate it once; ``summary`` has its digest from the start.

    ``flows`` are those that the form always tells, with zero where a record has none of them.
    """

    form: Form
    summary: TapeSummary
    items: Iterator[Item]
    #: SHA-256 of the mapping that it is read by
    mapping: str | None = None
    flows: frozenset[str] = field(default_factory=frozenset)

    def __iter__(self) -> Iterator[Item]:
        return self.items


def of_ex102(
    path: Path, *, trust: str | None = None, prefix: str | None = None, percent: bool = False,
    progress: Progress | None = None,
) -> Positions:  # fmt: skip
    """An EX-102 file; arguments and errors are those of :func:`ledger.tapes.ex102.read`."""
    tape = ex102.read(
        path, party=_READER, known=lambda loans: loans, trust=trust, prefix=prefix, percent=percent,
        progress=progress,
    )  # fmt: skip
    told = frozenset({"collected", "collected.principal", "collected.interest", "collected.other"})
    told |= {"charged_off", "recovered"}
    return Positions("ex102", tape.summary, _positions(tape, coded=True), flows=told)


def of_csv(path: Path, mapping_file: Path, *, progress: Progress | None = None) -> Positions:
    """A delimited file by a mapping that makes ``balance.reported`` of its rows.

    Raises what :func:`ledger.tapes.csv.read` raises, and :class:`ConfigurationError` for a mapping of other events.
    """
    form = mapping.load(mapping_file)
    return _mapped("csv", path, form, mapping_file.read_bytes(), progress)


def of_esma(
    path: Path,
    *,
    prefix: str | None = None,
    mapping_file: Path | None = None,
    progress: Progress | None = None,
) -> Positions:
    """ESMA's template for consumer loans (Annex VI), as CSV with the field codes for a header.

    Read by ``esma_consumer.toml`` beside this module, or by a mapping of one's own that goes further. ``prefix`` goes
    in front of the identifiers, as in ``loan:PREFIX:IDENTIFIER``.
    """
    if mapping_file is not None:
        if prefix is not None:
            raise ConfigurationError("a prefix goes into the subject of your mapping")
        form, data = mapping.load(mapping_file), mapping_file.read_bytes()
    else:
        data = resources.files("ledger.tapes").joinpath("esma_consumer.toml").read_bytes()
        form = mapping.load("esma_consumer.toml", data.decode())
        if prefix is not None:
            form = msgspec.structs.replace(form, event=[_prefixed(one, prefix) for one in form.event])
    return _mapped("esma_cmrl", path, form, data, progress)


def _prefixed(event: mapping.EventForm, prefix: str) -> mapping.EventForm:
    return msgspec.structs.replace(event, subject=event.subject.replace("loan:", f"loan:{prefix}:", 1))


def _mapped(
    form: Form, path: Path, made: mapping.MappingForm, data: bytes, progress: Progress | None
) -> Positions:
    if _REPORT not in {event.type for event in made.event}:
        raise ConfigurationError(f"mapping: a file is compared by what it reports: map its rows to {_REPORT}")
    tape = csv.read(path, made, party=_READER, progress=progress)
    coded = any("zero_balance_code" in event.data for event in made.event)
    return Positions(
        form, tape.summary, _positions(tape, coded=coded), mapping=hashlib.sha256(data).hexdigest()
    )


def _positions(tape: Tape, *, coded: bool) -> Iterator[Item]:
    """Each loan's submissions stand together; one position is made of them, or a reject.

    ``coded``: the file says by a code that a loan is over, and so by its absence that it goes on.
    """
    for _, group in groupby(tape, key=lambda item: item["subject"] if isinstance(item, dict) else item):
        items = list(group)
        if isinstance(items[0], Reject):
            yield items[0]
            continue
        made = [item for item in items if isinstance(item, dict)]
        reports = [one for one in made if one["type"] == _REPORT]
        if len(reports) == 1:
            yield _position(reports[0], [one for one in made if one["type"] != _REPORT], coded=coded)
        elif reports:
            yield twice(reports[1]["subject"], reports[1]["data"]["place"])


def twice(subject: str, place: str) -> Reject:
    """The reject of a loan that a file shows a second time."""
    return rejected(subject, place, "loan", f"{subject} stands in the file twice ({place})")


def rejected(subject: str, place: str, name: str, reason: str) -> Reject:
    """A reject at a place such as ``line 18`` or ``assets[17]``, which is a record and no line."""
    number = int("".join(char for char in place if char.isdigit()) or 0)
    return Reject(number, number if place.startswith("line") else 0, name, reason, subject=subject)


def _position(report: Submission, others: list[Submission], *, coded: bool) -> Reported:
    data = report["data"]
    currency = data["currency"]
    balance = data.get("balance")
    code, status = data.get("zero_balance_code"), data.get("status")
    elements = dict(data.get("elements", ()))
    return Reported(
        loan=report["subject"].removeprefix("loan:"),
        place=data["place"],
        cut_off=report["effective"],
        currency=currency,
        balance=None if balance is None else money.parse(balance, currency),
        days_past_due=data.get("days_past_due"),
        over=(code is not None) if coded else None,
        status=f"code {code}" if code is not None else status,
        rate=data.get("current_rate"),
        remaining=data.get("remaining_instalments"),
        begin=_begin(elements.get(al.BEGIN)),
        flows=_flows(others, currency),
    )


def _begin(text: str | None) -> str | None:
    try:
        return None if text is None else forms.us_date(text.strip())
    except ValueError:
        return None


def _flows(others: list[Submission], currency: str) -> dict[str, int]:
    flows: dict[str, int] = {}

    def add(name: str, text: str) -> None:
        flows[name] = flows.get(name, 0) + money.parse(text, currency)

    for one in others:
        data: dict[str, Any] = one["data"]
        if data.get("currency") != currency:
            continue
        if one["type"] == _PAYMENT:
            add("collected", data["amount"])
            for part, text in data.get("applied", {}).items():
                add(f"collected.{part}", text)
        elif one["type"] in _AMOUNTS:
            add(_AMOUNTS[one["type"]], data["amount"])
    return flows
