"""The desk: what is said today, what is filed for later, and how much of it there was."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import msgspec

from ledger.domain import statements
from ledger.domain.events import EVENTS, read_submission
from ledger.proofs.note import Signer
from ledger.simulate.lines import instalments
from ledger.simulate.loan import Loan, Step
from ledger.simulate.plans import Calendar

_print: Final = msgspec.json.encode
#: The type that the fast path counts by itself.
PAYMENT: Final = "repayment.received"
#: Count and sum in fen by type of event.
Totals = dict[str, tuple[int, int]]


class Desk:
    """``filed`` has the loans that act on a day, in their order; ``lines`` are posted today.

    Payments through the wallet go to ``wallet``: the same list, but on days whose file comes late. ``instalment`` has
    the text of payments of today that are exactly an instalment, see :func:`ledger.simulate.lines.instalments`.
    """

    __slots__ = (
        "_origin", "_signers", "_tallies", "day", "days", "filed", "instalment", "lines", "paid", "payments", "text",
        "wallet",
    )  # fmt: skip

    def __init__(self, days: Calendar, *, origin: str, signers: dict[str, Signer]) -> None:
        self.days = days
        self.day = 0
        self.text = ""
        self.instalment = instalments("")
        self.lines: list[str] = []
        self.wallet = self.lines
        self.payments = 0
        self.paid = 0
        self.filed: defaultdict[int, list[Loan]] = defaultdict(list)
        self._origin = origin
        self._signers = signers
        #: [count, sum in fen] by type
        self._tallies: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def open(self, day: int, *, late: bool = False) -> list[Loan]:
        """Begin a day; ``late``: its wallet file comes late. Returns the loans that act on it."""
        self.day, self.text = day, self.days.text(day)
        self.instalment = instalments(self.text)
        self.lines = []
        self.wallet = [] if late else self.lines
        return self.filed.pop(day, [])

    def cut(self) -> tuple[bytes, bytes]:
        """The lines that were said since the last cut, and of those lines of a wallet file that come late."""
        said = _file(self.lines)
        late = b"" if self.wallet is self.lines else _file(self.wallet)
        self.lines.clear()
        self.wallet.clear()
        return said, late

    def plan(self, day: int, loan: Loan, step: Step | None) -> None:
        """The loan's next act is ``step``, on ``day``."""
        loan.step = step
        self.filed[day].append(loan)

    def say(self, kind: str, line: str, fen: int = 0) -> None:
        """Post a line; ``fen`` is its amount, for the summary."""
        self.lines.append(line)
        tally = self._tallies[kind]
        tally[0] += 1
        tally[1] += fen

    def count(self, kind: str) -> None:
        """Count an event that was posted otherwise."""
        self._tallies[kind][0] += 1

    def event(
        self,
        kind: str,
        subject: str,
        data: dict[str, Any],
        *,
        name: str,
        party: str,
        fen: int = 0,
    ) -> None:
        """Post an event that is rare enough to be built as a value; one whose type asks for it is signed."""
        event = {
            "id": name, "type": kind, "subject": subject, "effective": self.text, "party": party, "data": data,
        }  # fmt: skip
        self.say(kind, signed(event, self._origin, self._signers), fen)

    def acceptance(self, pool: str, holder: str, claims: list[dict[str, Any]]) -> dict[str, str]:
        """The holder's signature over what it gets."""
        message = statements.acceptance_bytes(self._origin, pool, holder, claims)
        return statements.sign(self._signers[holder], message)

    def totals(self) -> Totals:
        """Of all that was said here so far."""
        totals = {kind: (count, fen) for kind, (count, fen) in self._tallies.items()}
        if self.payments:
            add_totals(totals, {PAYMENT: (self.payments, self.paid)})
        return totals


def _file(lines: list[str]) -> bytes:
    return "\n".join([*lines, ""]).encode()


def add_totals(totals: Totals, more: Totals) -> None:
    """Take more in."""
    for kind, (count, fen) in more.items():
        before = totals.get(kind, (0, 0))
        totals[kind] = before[0] + count, before[1] + fen


def signed(event: dict[str, Any], origin: str, signers: dict[str, Signer]) -> str:
    """The event's line, with its party's signature where the type asks for one."""
    if EVENTS[event["type"]].signed:
        submission = read_submission(event, origin=origin)
        done = statements.sign_submission(signers[submission.party], origin, submission)
        assert done.sig is not None
        event = event | {"sig": {"key": done.sig.key, "value": done.sig.value}}
    return _print(event).decode()
