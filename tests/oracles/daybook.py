"""A partner's reconciliation file, worked out a second time: in fen, from the events as they were posted.

Knows only what docs/guides/exchange.md says: which part of an event is whose. Takes plain events, imports nothing.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

WHOLE = 1_000_000
Event = dict[str, Any]
#: (event id, claim, pool) → fen of principal, interest, fee, penalty, other.
Rows = dict[tuple[str, str, str], tuple[int, ...]]


def fen(text: str) -> int:
    """An amount in fen; all simulated ones are whole fen."""
    value = Fraction(text) * 100
    assert value.denominator == 1
    return int(value)


def cut(value: Fraction) -> int:
    """Towards zero, to whole fen."""
    return int(value)


class Daybook:
    """Events in the order in which they were posted, and what of a date is whose."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.terms = {one["subject"]: one["data"] for one in events if one["type"] == "loan.originated"}

    def rows(self, partner: str, day: str) -> Rows:
        """The rows of a partner's file of a date."""
        found: Rows = {}
        for event in self.events:
            if event["effective"] != day:
                continue
            if event["type"] == "remittance.made":
                if event["data"]["holder"] == partner:
                    pool = event["subject"].removeprefix("pool:")
                    found[event["id"], "", pool] = (0, 0, 0, 0, fen(event["data"]["amount"]))
                continue
            whole = self._whole(event)
            if whole is None:
                continue
            for claim, parts in self._claims(event["subject"], whole):
                for party, pool, share in self._owners(event["subject"], claim, day):
                    mine = tuple(cut(Fraction(part * share, WHOLE)) for part in parts)
                    if pool == "":
                        held = [
                            [cut(Fraction(part * other, WHOLE)) for part in parts]
                            for _, name, other in self._owners(event["subject"], claim, day)
                            if name != ""
                        ]
                        mine = tuple(part - sum(one[n] for one in held) for n, part in enumerate(parts))
                    if party == partner and any(mine):
                        found[event["id"], claim, pool] = mine
        return found

    def totals(self, day: str) -> dict[str, tuple[int, int]]:
        """Type → (count, fen) of all that a close counts, over all holders."""
        found: dict[str, tuple[int, int]] = {}
        for event in self.events:
            if event["effective"] == day and (
                event["type"] == "remittance.made" or self._whole(event) is not None
            ):
                count, total = found.get(event["type"], (0, 0))
                amount = fen(event["data"].get("amount", "0.00"))
                found[event["type"]] = (count + 1, total + amount)
        return found

    def _whole(self, event: Event) -> tuple[int, ...] | None:
        """What of an event is the claims', in fen; None where nothing is."""
        data = event["data"]
        if event["type"] in {"repayment.received", "repayment.reversed", "loan.prepaid", "loan.refunded"}:
            applied = {name: fen(text) for name, text in data["applied"].items()}
            return applied.get("principal", 0), applied.get("interest", 0), 0, applied.get("penalty", 0), 0
        if event["type"] in {"loan.disbursed", "loan.charged_off"}:
            return fen(data["amount"]), 0, 0, 0, 0
        if event["type"] == "amount.waived":
            waived = {name: fen(text) for name, text in data["waived"].items()}
            return tuple(waived.get(name, 0) for name in ("principal", "interest", "fee", "penalty", "other"))
        return None

    def _claims(self, loan: str, whole: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
        """Each claim's part: cut to fen, the remainder to the claim that is named."""
        terms = self.terms[loan]
        claims = terms["claims"]
        taker = terms.get("remainder", claims[0]["claim"])
        parts = {
            one["claim"]: [cut(Fraction(units * one["share"], WHOLE)) for units in whole] for one in claims
        }
        for n, units in enumerate(whole):
            parts[taker][n] += units - sum(part[n] for part in parts.values())
        return [(name, tuple(part)) for name, part in parts.items()]

    def _owners(self, loan: str, claim: str, day: str) -> list[tuple[str, str, int]]:
        """(party, pool, ppm): the holders when the day began, and the creditor with what is left."""
        held: dict[tuple[str, str], int] = {}
        name = loan.removeprefix("loan:")
        for event in self.events:
            if event["effective"] >= day or not event["subject"].startswith("pool:"):
                continue
            listed = event["data"].get("claims", [])
            pool = event["subject"].removeprefix("pool:")
            for one in listed:
                if (one["loan"], one["claim"]) != (name, claim):
                    continue
                if event["type"] == "claim.released":
                    held = {key: share for key, share in held.items() if key[1] != pool}
                else:
                    key = (event["data"]["holder"], pool)
                    held[key] = held.get(key, 0) + one.get("share", WHOLE)
        creditor = next(one["creditor"] for one in self.terms[loan]["claims"] if one["claim"] == claim)
        owners = [(holder, pool, share) for (holder, pool), share in held.items()]
        return [*owners, (creditor, "", WHOLE - sum(held.values()))]
