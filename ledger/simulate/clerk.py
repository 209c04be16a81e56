"""What can only be said once the day is in the log: it names digests and indexes of records.

The account bank settles each account and value date over the payments recorded for it (cash.settled) and confirms
single ones (repayment.confirmed); the servicer corrects single entries (correction.made) and closes the business date
(day.closed). A driver appends a day's lines, tells the clerk what they became, and appends the clerk's answer on the
same day::

    clerk = Clerk(simulation)
    for day in simulation.days():
        answer = clerk.answer(day, append(day.date, day.lines))
        append(day.date, answer)

:func:`drive` is this loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Protocol

import msgspec

from ledger.domain import money
from ledger.proofs import merkle
from ledger.simulate.desk import signed
from ledger.simulate.platform import ACCOUNTS, BANK, CURRENCY, PLATFORM, signers, yuan
from ledger.simulate.stream import Day, Simulation

#: Events that a settlement covers, and whether they add or take away.
COVERED: Final = {"repayment.received": 1, "loan.prepaid": 1, "loan.refunded": 1, "repayment.reversed": -1}
#: Events whose amounts a day close sums.
CLOSED: Final = frozenset(
    {*COVERED, "loan.disbursed", "fee.charged", "guarantor.compensated", "recovery.received"}
)
#: One payment in so many is confirmed by itself.
_CONFIRMED: Final = 200
#: One fee in so many is corrected on its day.
_CORRECTED: Final = 10
#: What the bank takes: of a thousand, in fen.
_CHARGES: Final = 1
_FEN: Final = 1_000_000


class Recorded(Protocol):
    """What became of a line: :class:`ledger.append.Accepted` is one."""

    @property
    def index(self) -> int:
        """Its place in the log."""

    @property
    def digest(self) -> bytes:
        """The record's digest."""


#: Appends lines on a day of the ledger's clock; what they became, in their order.
Append = Callable[[date, Sequence[str]], Sequence[Recorded]]


class _Data(msgspec.Struct, gc=False):
    amount: str = "0.00"
    account: str = ""
    value_date: str = ""
    bank_ref: str = ""


class _Event(msgspec.Struct, gc=False):
    id: str
    type: str
    subject: str
    effective: str
    data: _Data


_read = msgspec.json.Decoder(_Event).decode


@dataclass(slots=True)
class _Till:
    """What the bank has of one account and value date so far: fen that are recorded, and ``unrecorded`` payments."""

    digests: list[bytes] = field(default_factory=list)
    references: set[str] = field(default_factory=set)
    cash: int = 0
    unrecorded: list[int] = field(default_factory=list)


class Clerk:
    """Answers day by day. Keeps what is not settled yet: a few days' payments."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._origin = simulation.options.origin
        self._signers = signers(simulation.options.seed)
        self._tills: dict[tuple[str, str], _Till] = {}
        self._settled: set[str] = set()
        self._size = 0

    def answer(self, day: Day, records: Sequence[Recorded]) -> list[str]:
        """The day's settlements, confirmations and close; ``records`` are those of ``day.lines``."""
        text = day.date.isoformat()
        lines: list[str] = []
        totals: dict[str, tuple[int, int]] = {}
        for line, record in zip(day.lines, records, strict=True):
            event = _read(line)
            fen = money.parse(event.data.amount, CURRENCY) // _FEN
            if event.type in CLOSED and event.effective == text:
                count, total = totals.get(event.type, (0, 0))
                totals[event.type] = count + 1, total + fen
            if event.type in COVERED and event.data.account in ACCOUNTS:
                known = self._till(event, fen, record.digest)
                if known and event.type == "repayment.received" and _chosen(event.id, _CONFIRMED):
                    lines.append(self._confirm(event, record.digest, text))
            elif event.type == "fee.charged" and _chosen(event.id, _CORRECTED):
                lines.append(self._correct(line, event, record.digest, text))
            self._size = max(self._size, record.index + 1)
        for one in day.unrecorded:
            self._tills.setdefault((one.value_date, one.account), _Till()).unrecorded.append(one.fen)
        for value_date in day.settles:
            lines += self._settle(value_date, text)
        lines.append(self._close(text, totals))
        return lines

    def _till(self, event: _Event, fen: int, digest: bytes) -> bool:
        """Take a payment in; whether the bank knows it."""
        data = event.data
        if data.value_date in self._settled:
            return False  # entered after the bank had settled that day: no statement has it
        till = self._tills.setdefault((data.value_date, data.account), _Till())
        if data.bank_ref in till.references:
            return False  # the bank has it once
        till.references.add(data.bank_ref)
        till.digests.append(digest)
        till.cash += COVERED[event.type] * fen
        return True

    def _settle(self, value_date: str, today: str) -> Iterator[str]:
        self._settled.add(value_date)
        for account in ACCOUNTS:
            till = self._tills.pop((value_date, account), None)
            if till is None:
                continue
            cash = till.cash + sum(till.unrecorded)
            charges = cash * _CHARGES // 1_000
            count = len(till.digests) + len(till.unrecorded)
            data: dict[str, Any] = {
                "currency": CURRENCY, "value_date": value_date, "amount": yuan(cash - charges),
                "charges": yuan(charges), "statement": f"ST-{account}-{value_date}",
                "covered": {
                    "before": self._size, "count": count, "sum": yuan(cash),
                    "root": merkle.root([merkle.leaf_hash(digest) for digest in till.digests]).hex(),
                },
            }  # fmt: skip
            yield self._line(
                "cash.settled", f"account:{account}", data, day=today, name=f"{account}.{value_date}"
            )

    def _confirm(self, event: _Event, digest: bytes, today: str) -> str:
        data = event.data
        confirmed = {
            "repayment": digest.hex(), "currency": CURRENCY, "amount": data.amount,
            "value_date": data.value_date, "bank_ref": data.bank_ref,
        }  # fmt: skip
        return self._line(
            "repayment.confirmed", event.subject, confirmed, day=today, name=f"{event.id}.confirmed"
        )

    def _correct(self, line: str, event: _Event, digest: bytes, today: str) -> str:
        """The fee had been entered without its due date."""
        data = {
            "record": digest.hex(), "type": event.type,
            "replacement": msgspec.json.decode(line)["data"] | {"due": event.effective},
            "reason": "the due date had been left out", "approved_by": "operations",
        }  # fmt: skip
        return self._line(
            "correction.made", event.subject, data, day=today, name=f"{event.id}.corrected", party=PLATFORM
        )

    def _close(self, today: str, totals: dict[str, tuple[int, int]]) -> str:
        lines = [
            {"type": kind, "holder": None, "currency": CURRENCY, "count": count, "sum": yuan(fen)}
            for kind, (count, fen) in sorted(totals.items())
        ]
        data = {"date": today, "before": self._size, "lines": lines}
        return self._line("day.closed", "log", data, day=today, name=f"close.{today}", party=PLATFORM)

    def _line(
        self, kind: str, subject: str, data: dict[str, Any], *, day: str, name: str, party: str = BANK
    ) -> str:
        event = {"id": name, "type": kind, "subject": subject, "effective": day, "party": party, "data": data}
        self._simulation.answered(kind)
        return signed(event, self._origin, self._signers)


def _chosen(event_id: str, one_in: int) -> bool:
    return int.from_bytes(hashlib.sha256(event_id.encode()).digest()[:4]) % one_in == 0


def drive(simulation: Simulation, append: Append, *, until: date | None = None) -> Iterator[Day]:
    """Run the simulation into a log: append each day's lines and the clerk's answer, then yield the day.

    Days after ``until`` are left out: a log's clock must not be ahead of the world's.
    """
    clerk = Clerk(simulation)
    for day in simulation.days():
        if until is not None and day.date > until:
            return
        answer = clerk.answer(day, append(day.date, day.lines))
        append(day.date, answer)
        yield day
