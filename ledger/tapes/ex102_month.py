"""One EX-102 record, one loan in one reporting period, as submissions (see :mod:`ledger.tapes.ex102`)."""

from __future__ import annotations

import functools
import hashlib
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ledger.domain import money
from ledger.quotes import in_quotes
from ledger.tapes import forms
from ledger.tapes import schedule_al as al
from ledger.tapes.fields import Fields, is_name
from ledger.tapes.model import Submission, TapeSummary

#: Longest name the ledger takes.
_MAX_NAME = 64

#: The one claim of a loan that has one creditor.
_CLAIM = "1"
_WHOLE = 1_000_000

_DATES = (("originated", al.ORIGINATED), ("first_due", al.FIRST_DUE), ("maturity", al.MATURITY))
_PARTS = (("principal", al.PAID_PRINCIPAL), ("interest", al.PAID_INTEREST), ("other", al.PAID_OTHER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a tape is read. ``trust`` names it in event ids, ``prefix`` its loans (``loan:PREFIX:ASSET``).

    ``one_trust``: the trust was taken from the file, so a record that names another one is a reject.
    """

    party: str
    trust: str
    prefix: str
    creditor: str
    currency: str = "USD"
    percent: bool = False
    one_trust: bool = False


class Month:
    """The submissions of one record, if it is ``fit``; else ``fields.faults`` says why not.

    :meth:`open` serves if the ledger does not have the loan, and ``ended_before`` with it: the end of a loan
    that was over before this period, which a later file repeats.
    """

    __slots__ = (
        "_flows", "_options", "_tape", "_terms", "asset", "begin", "claim", "ended_before", "fields", "loan",
        "opened", "period", "submissions",
    )  # fmt: skip

    def __init__(self, fields: Fields, options: Options, tape: str) -> None:
        self.fields = fields
        self._options = options
        self._tape = tape
        self._flows: list[tuple[str, str, int]] = []
        self.claim = _CLAIM
        self.asset = fields.required(al.ASSET, fields.text(al.ASSET)) or ""
        self.loan = _named(options.prefix, self.asset) if self.asset else ""
        if options.one_trust and (kind := fields.text(al.ASSET_TYPE)) != options.trust:
            fields.fault(al.ASSET_TYPE, f"is not {options.trust}, as in the first record", kind or "")
        begin = fields.required(al.BEGIN, fields.date(al.BEGIN))
        end = fields.required(al.END, fields.date(al.END))
        self.begin, self.period = begin or "", ""
        self.opened: Submission = {}
        self.submissions: list[Submission] = []
        self.ended_before: list[Submission] = []
        if begin and end and self._is_period(begin, end):
            self.period = _period(begin, end)
            self._map(end)

    @property
    def fit(self) -> bool:
        """Whether the record can go in."""
        return not self.fields.faults

    def _is_period(self, begin: str, end: str) -> bool:
        for name, text in ((al.BEGIN, begin), (al.END, end)):
            if len(text) != len("YYYY-MM-DD"):
                self.fields.fault(name, "is a month, where the period needs its days", text)
                return False
        if begin > end:
            self.fields.fault(al.END, f"lies before {al.BEGIN} ({begin})", end)
            return False
        return True

    def _map(self, end: str) -> None:
        fields = self.fields
        opening = fields.required(al.BALANCE_BEGIN, fields.money(al.BALANCE_BEGIN)) or 0
        closing = fields.money(al.BALANCE_END)
        # Also where the loan is known already: whether a record is fit must not depend on the ledger.
        self._terms = {name: fields.date(element) for name, element in _DATES} | {
            "principal": self._amount(al.ORIGINAL_AMOUNT)
        }
        for name, balance in ((al.BALANCE_BEGIN, opening), (al.BALANCE_END, closing or 0)):
            if balance < 0:
                fields.flag(name, "is negative: a customer credit")
        self._repayment()
        charged_off = self._charge_off(opening)
        self._recovery()
        self._settlement(opening)
        self._report(end)
        self._look(opening, closing, charged_off)

    # Events ----------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Make ``opened``: the position as the period begins, which is that of the close of the day before.

        Asked for only where the ledger does not have the loan. It may add faults to the record's fields.
        """
        fields, options, begin = self.fields, self._options, self.begin
        principal = fields.money(al.BALANCE_BEGIN) or 0
        term = fields.count(al.TERM)
        data: dict[str, Any] = {
            "currency": options.currency,
            "claims": [{"claim": _CLAIM, "creditor": options.creditor, "share": _WHOLE}],
            "as_of": (date.fromisoformat(begin) - timedelta(days=1)).isoformat(),
            "balances": {"principal": self._money(principal)},
            "basis": "asserted",
            **self._terms,
            "annual_rate": fields.rate(al.ORIGINAL_RATE, options.percent),
            "current_rate": fields.rate(al.CURRENT_RATE, options.percent),
            "instalments": term if term and term > 0 and fields.text(al.PAYMENT_TYPE) == al.MONTHLY else None,
            "region": fields.text(al.REGION),
            "attributes": self._attributes(),
        }
        data = {name: value for name, value in data.items() if value is not None}
        # The file tells neither: the term left stands as of the end, arrears as days. Null says unknown.
        data["remaining_instalments"] = data["oldest_unpaid"] = None
        self.opened = self._submission("loan.opened", "opened", begin, data)
        if private := self._borrower():
            self.opened["private"] = private
        self.submissions[-1:-1] = self.ended_before

    def _attributes(self) -> dict[str, Any]:
        """How the source names the loan, where its name in the ledger may be a digest of that."""
        fields = self.fields
        pairs = (
            ("asset_number", self.asset),
            ("asset_type_number", fields.text(al.ASSET_TYPE)),
            ("originator_name", fields.text("originatorName")),
        )
        return {name: value for name, value in pairs if value}

    def _borrower(self) -> dict[str, Any]:
        """The borrower's facts; without a score where the file has 0 or a word for none."""
        private = self.fields.private()
        if self._has_no_score():
            private.pop(al.snake(al.SCORE), None)
        return private

    def _has_no_score(self) -> bool:
        return not any(text.strip("0.") for text in self.fields.texts(al.SCORE))

    def _repayment(self) -> None:
        """The month's money: the total and its parts as filed, whether they agree or not."""
        fields = self.fields
        total = fields.money(al.PAID)
        parts = {name: units for name, element in _PARTS if (units := fields.money(element)) is not None}
        if not total and not any(parts.values()):
            return
        if total is None:
            fields.flag(al.PAID, "is absent: the sum of its parts stands for it")
            total = sum(parts.values())
        elif parts and total != sum(parts.values()):
            fields.flag(al.PAID, "is not the sum of its parts: goes in as filed")
        data = {
            "currency": self._options.currency,
            "amount": self._money(total),
            "applied": {name: self._money(units) for name, units in parts.items()},
            "aggregate": True,
        }
        self._flow("repayment.received", "repayment", data)
        self._sum("repayment.received", "amount", total)
        for name, units in parts.items():
            self._sum("repayment.received", f"applied.{name}", units)

    def _charge_off(self, opening: int) -> int:
        """Principal written off in this month, or code 4 where it became true in it. Returns the units."""
        fields = self.fields
        amount = fields.money(al.CHARGED_OFF) or 0
        coded = al.CODE_CHARGED_OFF in fields.texts(al.ZERO_CODE)
        if amount < 0:
            fields.flag(
                al.CHARGED_OFF, "is negative: no event takes a charge-off back yet; kept verbatim only"
            )
            return 0
        if not amount and not coded:
            return 0
        if amount and not coded:
            fields.flag(
                al.CHARGED_OFF,
                "is not zero without zeroBalanceCode 4: the ledger's status will be charged off",
            )
        if coded and not amount:
            fields.flag(al.CHARGED_OFF, "is zero or absent beside zeroBalanceCode 4")
        data: dict[str, Any] = {"currency": self._options.currency, "amount": self._money(amount)}
        if coded:
            data["zero_balance_code"] = al.CODE_CHARGED_OFF
        submission = self._submission("loan.charged_off", "charged_off", self.period, data)
        self._ending(submission, now=bool(amount) or self._ends_now(opening))
        if amount:
            self._sum("loan.charged_off", "amount", amount)
        return amount

    def _recovery(self) -> None:
        amount = self.fields.money(al.RECOVERED)
        if amount:
            data = {"currency": self._options.currency, "amount": self._money(amount), "aggregate": True}
            self._flow("recovery.received", "recovery", data)
            self._sum("recovery.received", "amount", amount)
        if self.fields.money(al.PROCEEDS):
            self.fields.flag(
                al.PROCEEDS, "is not zero: may repeat what recoveredAmount holds; kept verbatim only"
            )

    def _settlement(self, opening: int) -> None:
        """The end of the loan for this creditor, by the codes other than charged off."""
        fields = self.fields
        zero_date = fields.date(al.ZERO_DATE)
        for code in dict.fromkeys(fields.texts(al.ZERO_CODE)):
            if code == al.CODE_CHARGED_OFF:
                continue
            reason = al.SETTLED_REASONS.get(code)
            if reason is None:
                fields.flag(
                    al.ZERO_CODE, f"{in_quotes(code, 16)} is no code of the specification; kept verbatim only"
                )
                continue
            if code != "1":
                fields.flag(
                    al.ZERO_CODE,
                    f"{code} ({reason}): the loan is over for this creditor, not for its borrower",
                )
            data: dict[str, Any] = {"reason": reason, "zero_balance_code": code}
            if zero_date:
                data["value_date"] = zero_date
            submission = self._submission("loan.settled", f"settled.{code}", self.period, data)
            self._ending(submission, now=self._ends_now(opening))

    def _ends_now(self, opening: int) -> bool:
        """Whether a zero balance came about in this period, and does not just stand in the file once more.

        Some filers keep ended loans in every later file, with the month in which they ended. A loan that
        ended before this period and had nothing left when it began is such a repetition.
        """
        zero_date = self.fields.date(al.ZERO_DATE)
        return zero_date is None or opening != 0 or zero_date[:7] >= self.begin[:7]

    def _ending(self, submission: Submission, *, now: bool) -> None:
        if now:
            self.submissions.append(submission)
        else:
            self.fields.flag(
                al.ZERO_CODE, "repeats an end before this period: an event only for a loan first met"
            )
            self.ended_before.append(submission)

    def _report(self, end: str) -> None:
        """What the tape said: typed where it can be, everything else verbatim."""
        fields, options = self.fields, self._options
        codes = fields.texts(al.ZERO_CODE)
        typed: dict[str, tuple[str, Any]] = {
            "balance": (al.BALANCE_END, self._amount(al.BALANCE_END)),
            "beginning": (al.BALANCE_BEGIN, self._amount(al.BALANCE_BEGIN)),
            "days_past_due": (al.DELINQUENT, fields.count(al.DELINQUENT)),
            "zero_balance_code": (al.ZERO_CODE, codes[0] if len(codes) == 1 else None),
            "zero_balance_date": (al.ZERO_DATE, fields.date(al.ZERO_DATE)),
            "current_rate": (al.CURRENT_RATE, fields.rate(al.CURRENT_RATE, options.percent)),
            "remaining_instalments": (al.REMAINING, fields.count(al.REMAINING)),
            "next_due": (al.NEXT_DUE, self._amount(al.NEXT_DUE)),
            "modified": (al.MODIFIED, fields.boolean(al.MODIFIED)),
        }
        data: dict[str, Any] = {
            "tape": self._tape,
            "place": f"assets[{fields.raw.number}]",
            "currency": options.currency,
        }
        data |= {member: value for member, (_, value) in typed.items() if value is not None}
        used = {element for element, value in typed.values() if value is not None}
        data["elements"] = [list(pair) for pair in fields.remaining(used)]
        submission = self._submission("balance.reported", f"report.{self._tape[:8]}", end, data)
        if private := fields.private():
            submission["private"] = private
        self.submissions.append(submission)

    # Looking at it -----------------------------------------------------------------------------------------

    def _look(self, opening: int, closing: int | None, charged_off: int) -> None:
        """Flags about the record as a whole."""
        fields = self.fields
        if self._has_no_score() and al.SCORE in fields:
            fields.flag(al.SCORE, "means that there is no score; kept verbatim")
        adjustment = fields.money(al.ADJUSTMENT) or 0
        if adjustment:
            fields.flag(
                al.ADJUSTMENT, "is not zero: no event carries it, so the derived balance will differ by it"
            )
        principal = fields.money(al.PAID_PRINCIPAL) or 0
        if closing is not None and opening - closing != principal + charged_off + adjustment:
            fields.flag(
                al.BALANCE_END, "is not the beginning balance less principal, charge-off and adjustment"
            )
        income = fields.look(al.PAYMENT_TO_INCOME, forms.number)
        if income is not None and income > 1:
            fields.flag(al.PAYMENT_TO_INCOME, "is above 1: this file may state percentages; kept verbatim")

    def add_sums(self, summary: TapeSummary) -> None:
        """Add this record's amounts to the tape's sums, the opening position where it opens its loan."""
        for kind, path, flow in self._flows:
            summary.add(kind, path, self._options.currency, flow)
        for path, element in (("balance", al.BALANCE_END), ("beginning", al.BALANCE_BEGIN)):
            units: int | None = self.fields.money(element)
            if units is not None:
                summary.add("balance.reported", path, self._options.currency, units)
        if not self.opened:
            return
        for path, element in (("balances.principal", al.BALANCE_BEGIN), ("principal", al.ORIGINAL_AMOUNT)):
            summary.add("loan.opened", path, self._options.currency, self.fields.money(element) or 0)

    # Small things ------------------------------------------------------------------------------------------

    def _submission(self, kind: str, suffix: str, effective: str, data: dict[str, Any]) -> Submission:
        return {
            "id": _event_id(self._options.trust, self.asset, self.period, suffix),
            "type": kind,
            "subject": f"loan:{self.loan}",
            "effective": effective,
            "party": self._options.party,
            "data": data,
        }

    def _flow(self, kind: str, suffix: str, data: dict[str, Any]) -> None:
        self.submissions.append(self._submission(kind, suffix, self.period, data))

    def _sum(self, kind: str, path: str, units: int) -> None:
        self._flows.append((kind, path, units))

    def _money(self, units: int) -> str:
        return _printed(units, self._options.currency)

    def _amount(self, element: str) -> str | None:
        units = self.fields.money(element)
        return None if units is None else self._money(units)


#: Few amounts are as frequent as zero.
_printed = functools.lru_cache(maxsize=8_192)(money.format)


def _period(begin: str, end: str) -> str:
    """``YYYY-MM`` where the period is that calendar month, else its last day."""
    last = monthrange(int(end[:4]), int(end[5:7]))[1]
    whole = begin[:7] == end[:7] and begin[8:] == "01" and int(end[8:]) == last
    return begin[:7] if whole else end


def _named(prefix: str, asset: str) -> str:
    """``PREFIX:ASSET``; an asset number with other signs, or too long, is replaced by a digest of it."""
    name = f"{prefix}:{asset}"
    return name if is_name(asset) and len(name) <= _MAX_NAME else f"{prefix}:{_short(asset)}"


def _event_id(trust: str, asset: str, period: str, suffix: str) -> str:
    """``ex102:TRUST:ASSET:PERIOD:KIND``, or a digest of (trust, asset) in the place of both."""
    name = f"ex102:{trust}:{asset}:{period}:{suffix}"
    return (
        name
        if is_name(asset) and len(name) <= _MAX_NAME
        else f"ex102:{_short(f'{trust} {asset}')}:{period}:{suffix}"
    )


def _short(text: str) -> str:
    """24 hex digits that stand for a text which cannot be part of a name."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]
