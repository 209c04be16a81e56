"""A stored snapshot, read: the figures of a pool in one currency, month by month, as pages want them.

Amounts stay the ledger's decimal strings. What has to be compared or divided is a :class:`~decimal.Decimal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from api.portal.words import Language
from ledger.audit.render.words import sentence
from ledger.domain import money
from ledger.snapshots import Snapshot

#: Digits of the ratios that are worked out here; as many as the analytics have.
_RATIO = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a whole: its name (empty: not told), claims, principal, and its share of the whole."""

    name: str
    claims: int
    principal: str
    share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A concentration limit and the value nearest to it; shares of the pool's principal."""

    attribute: str
    only: str | None
    value: str
    principal: str
    share: Decimal
    limit: Decimal
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The borrowing base: what may be lent, what is, and what is left (below zero: missing)."""

    eligible: str
    above_limits: str
    advance_rate: str | None
    base: str
    lent: str | None
    room: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A pool's figures in ``currency`` as of ``as_of``. ``month`` is the newest month, ``before`` the one before."""

    pool: str
    title: str
    size: int
    made: str
    as_of: str
    currency: str
    document: dict[str, Any]

    # -- what stands -------------------------------------------------------------------------------------------

    @property
    def months(self) -> list[dict[str, Any]]:
        """Every month of the analytics, oldest first."""
        found: list[dict[str, Any]] = self._analytics.get("months", [])
        return found

    @property
    def month(self) -> dict[str, Any] | None:
        """The newest month."""
        return self.months[-1] if self.months else None

    @property
    def before(self) -> dict[str, Any] | None:
        """The month before it, at whose end a comparison starts."""
        return self.months[-2] if len(self.months) > 1 else None

    @property
    def over(self) -> dict[str, Any] | None:
        """The newest month that is over; the newest of all where none is."""
        return next((one for one in reversed(self.months) if one["complete"]), self.month)

    @property
    def growth(self) -> Decimal | None:
        """How much principal has changed since the end of the month before, as a share of it."""
        if self.before is None:
            return None
        return ratio(self.minus(self.outstanding, self.before["outstanding"]), self.before["outstanding"])

    def past_due(self, days: int, *, month: dict[str, Any] | None = None) -> Decimal | None:
        """What part of the principal is known to be past due by more than so many days, by the pool's buckets.

        None where no month is there, where the bounds of the buckets do not tell it, and where of no claim it can be
        told (:attr:`untold`): that nobody knows is not that nothing is late.
        """
        one = month or self.month
        bounds = [0, *self._bounds]
        if one is None or days not in bounds or _untold(one) == 1:
            return None
        late = [name for name in one["buckets"] if name.startswith("M")][bounds.index(days) :]
        return sum((Decimal(one["buckets"][name]["share"] or 0) for name in late), Decimal(0))

    @property
    def untold(self) -> Decimal:
        """Of what part of the principal days past due cannot be derived."""
        return _untold(self.month)

    @property
    def basis(self) -> dict[str, Any]:
        """Which log, size and day the figures stand on."""
        found: dict[str, Any] = self.document["analytics"]["basis"]
        return found

    def not_checked(self, language: Language) -> list[str]:
        """What nobody has checked of the tree below the figures, in words."""
        return [sentence(one, language)[0] for one in self.basis["not_checked"]]

    @property
    def vintages(self) -> list[dict[str, Any]]:
        """The curves by month of origination."""
        found: list[dict[str, Any]] = self._analytics.get("vintages", [])
        return found

    @property
    def outstanding(self) -> str:
        """Principal on the shares that the pool holds."""
        text: str = self._totals.get("principal", self._zero)
        return text

    @property
    def arrears(self) -> str | None:
        """What borrowers have not paid of what was due; None where nobody could derive it."""
        return self._totals.get("arrears")

    @property
    def claims(self) -> int:
        """Claims that the pool holds."""
        return int(self.document["counts"].get("claims", 0))

    def share_of(self, name: str) -> Decimal | None:
        """What part of the principal is ``opened`` or ``weak``."""
        return ratio(self._totals.get(name, self._zero), self.outstanding)

    @property
    def unsigned(self) -> Decimal | None:
        """What part of the loans' records no party has signed."""
        counts = self.document["counts"]
        return ratio(counts.get("unsigned", 0), counts.get("records", 0))

    # -- parts -------------------------------------------------------------------------------------------------

    def parts(self, attribute: str) -> tuple[Part, ...]:
        """The pool divided by an attribute, the largest part first."""
        listed = self._composition.get("by_attribute", {}).get(attribute, [])
        whole = sum((Decimal(one["principal"]) for one in listed), Decimal(0))
        return tuple(
            Part(
                name=one["value"], claims=one["claims"], principal=one["principal"],
                share=ratio(one["principal"], whole) or Decimal(0),
            )
            for one in listed
        )  # fmt: skip

    def held_by(self, holder: str) -> Part:
        """What a party holds."""
        mine = self._composition.get("by_holder", {}).get(holder, {"claims": 0, "principal": self._zero})
        share = ratio(mine["principal"], self.outstanding) or Decimal(0)
        return Part(name=holder, claims=mine["claims"], principal=mine["principal"], share=share)

    @property
    def holders(self) -> tuple[Part, ...]:
        """Every holder with what it holds."""
        return tuple(self.held_by(name) for name in self._composition.get("by_holder", {}))

    def failing(self, criterion: str) -> Part:
        """The claims that do not meet a criterion of the rules."""
        found = self._composition.get("failing", {}).get(criterion, {"claims": 0, "principal": self._zero})
        share = ratio(found["principal"], self.outstanding) or Decimal(0)
        return Part(name=criterion, claims=found["claims"], principal=found["principal"], share=share)

    @property
    def criteria(self) -> tuple[tuple[str, Any, Part], ...]:
        """(criterion, bound, claims that fail it) of the eligibility rules."""
        return tuple(
            (name, bound, self.failing(name)) for name, bound in sorted(self.document["eligibility"].items())
        )

    @property
    def undetermined(self) -> Part:
        """Claims of which a criterion cannot be told."""
        found = self._composition.get("undetermined", {"claims": 0, "principal": self._zero})
        share = ratio(found["principal"], self.outstanding) or Decimal(0)
        return Part(name="", claims=found["claims"], principal=found["principal"], share=share)

    @property
    def limits(self) -> tuple[Bound, ...]:
        """Concentration limits, the one that is nearest to its bound first."""
        found = [
            Bound(
                attribute=one["attribute"], only=one["only"], value=one["value"], principal=one["principal"],
                share=_ppm(one["share"]), limit=_ppm(one["limit"]), over=one["over"],
            )
            for one in self.document["limits"] if one["currency"] == self.currency
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda one: one.share - one.limit, reverse=True))

    @property
    def base(self) -> Base | None:
        """The borrowing base, where the rules have an advance rate and something is pledged."""
        found = self.document["base"].get(self.currency)
        if found is None:
            return None
        lent = found.get("lent")
        return Base(
            eligible=found["eligible_alive"],
            above_limits=found["above_limits"],
            advance_rate=self.document["advance_rate"],
            base=found["borrowing_base"],
            lent=lent,
            room=None if lent is None else self.minus(found["borrowing_base"], lent),
        )

    # -- days --------------------------------------------------------------------------------------------------

    def collected(self, holder: str, day: str) -> str:
        """What the payments of a day brought to a holder."""
        days: dict[str, str] = self.document["collected"].get(self.currency, {}).get(holder, {})
        return days.get(day, self._zero)

    def disbursed(self, holder: str, day: str) -> str:
        """What was paid out on a day on loans of which the holder holds a claim now."""
        days: dict[str, str] = self._composition.get("disbursed", {}).get(holder, {})
        return days.get(day, self._zero)

    def remitted(self, holder: str, day: str) -> str:
        """What was passed on to a holder on a day."""
        return self.plus(
            *(one["amount"] for one in self.remittances if one["holder"] == holder and one["day"] == day)
        )

    @property
    def remittances(self) -> list[dict[str, Any]]:
        """The newest remittances in this currency, newest first."""
        return [one for one in self.document["remittances"] if one["currency"] == self.currency]

    # -- arithmetic --------------------------------------------------------------------------------------------

    def plus(self, *amounts: str) -> str:
        """A sum of amounts in this currency, exactly."""
        return money.format(sum(_units(one) for one in amounts), self.currency)

    def minus(self, amount: str, other: str) -> str:
        """A difference, exactly."""
        return money.format(_units(amount) - _units(other), self.currency)

    @property
    def _bounds(self) -> list[int]:
        found: list[int] = self.document["bucket_bounds"]
        return found

    @property
    def _zero(self) -> str:
        return money.format(0, self.currency)

    @property
    def _analytics(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["analytics"]["currencies"].get(self.currency, {})
        return found

    @property
    def _totals(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["totals"].get(self.currency, {})
        return found

    @property
    def _composition(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["composition"].get(self.currency, {})
        return found


def of(snapshot: Snapshot) -> tuple[Figures, ...]:
    """The figures of a snapshot, one for each currency, the one with the most claims first."""
    document = snapshot.figures
    analytics = document["analytics"]
    found = [
        Figures(
            pool=snapshot.pool, title=analytics["title"], size=snapshot.size, made=snapshot.made,
            as_of=analytics["basis"]["as_of"], currency=currency, document=document,
        )
        for currency in sorted({*document["totals"], *analytics["currencies"]})
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: -sum(part.claims for part in one.holders)))


def ratio(part: str | int | Decimal, whole: str | int | Decimal) -> Decimal | None:
    """A share, to eight digits; None of nothing."""
    divisor = Decimal(whole)
    return None if not divisor else (Decimal(part) / divisor).quantize(_RATIO, ROUND_HALF_UP)


def _ppm(share: int) -> Decimal:
    return Decimal(share) / 1_000_000


def _units(amount: str) -> int:
    return int(Decimal(amount) * money.UNIT)


def _untold(month: dict[str, Any] | None) -> Decimal:
    found = {} if month is None else month["buckets"].get("undetermined", {})
    return Decimal(found.get("share") or 0)
