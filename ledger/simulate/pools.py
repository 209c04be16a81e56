"""Pools: claims come in by batches, go out by signed releases, and what was collected on them is passed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from ledger.domain.events.base import MAX_CLAIMS
from ledger.proofs import merkle
from ledger.simulate.desk import Desk
from ledger.simulate.loan import Loan
from ledger.simulate.platform import CURRENCY, PLATFORM, SERVICING_FEE, PoolTerms, yuan

#: Lent against pledged principal, per cent: below the advance rates, so that a usual month's arrears are covered.
LENT_PERCENT: Final = 70
_SUNDAY: Final = 6


class Offer(NamedTuple):
    """A claim c1 that is to come in: its loan's name, its asset key, its principal in fen.

    ``loan`` is None where the pool is not to learn what becomes of it.
    """

    name: str
    asset_key: bytes
    fen: int
    loan: Loan | None


class Pool:
    """A pool while it is simulated. What it keeps: claims waiting to come in or to go out, and a month's sums."""

    def __init__(self, terms: PoolTerms, desk: Desk) -> None:
        self.terms = terms
        self.subject = f"pool:{terms.name}"
        self.collected = 0
        self._desk = desk
        self._seq = 0
        self._offers: list[Offer] = []
        self._ended: dict[str, list[str]] = {}
        self._returned: list[tuple[str, int]] = []

    def create(self) -> None:
        """The first event, and where claims are sold, nothing else: no price is agreed beforehand."""
        self._say("pool.created", self.terms.created())

    def offer(self, offer: Offer) -> None:
        """A claim to pledge or sell with the next batch."""
        self._offers.append(offer)

    def collect(self, loan: Loan, *parts: int) -> None:
        """Principal, interest or penalty came in on a loan of this pool. Fees are their payees', and no part of it."""
        creditors = loan.creditors
        if len(creditors.shares) == 1:
            self.collected += sum(parts)
        else:
            for part in parts:
                self.collected += creditors.first(part)

    def end(self, name: str, reason: str) -> None:
        """The loan is over: its claim is released with the month's batch."""
        self._ended.setdefault(reason, []).append(name)

    def return_claim(self, loan: Loan) -> None:
        """The seller takes the claim back today."""
        self._returned.append((loan.name, loan.creditors.first(loan.principal)))
        loan.pool = None

    def take_in(self, weekday: int, *, at_end: bool) -> None:
        """Pledge what was offered; what is sold comes in once a week, and is settled as a whole."""
        sold = self.terms.takes == "claim.sold"
        if sold and weekday != _SUNDAY and not at_end:
            return
        live = [offer for offer in self._offers if offer.loan is None or not offer.loan.ended]
        self._offers = []
        agreement = f"{self.terms.name}-{self._desk.text}" if sold else None
        for batch in _batches(live):
            self.take([offer.name for offer in batch], agreement, lent=self._lent(batch))
        for offer in live:
            if offer.loan is not None:
                offer.loan.pool = self
        if agreement and live:
            self._settle(agreement, live)

    def _lent(self, batch: Sequence[Offer]) -> int | None:
        """What the lender pays out against a batch: somewhat less than the base that the claims make."""
        if self.terms.advance_rate is None:
            return None
        return sum(offer.fen for offer in batch) * LENT_PERCENT // 100

    def take(self, names: Sequence[str], agreement: str | None = None, *, lent: int | None = None) -> None:
        """Pledge or sell the claim c1 of these loans, with the holder's signed acceptance."""
        holder = self.terms.holder
        claims = _claims(names)
        data: dict[str, Any] = {"holder": holder, "claims": claims}
        data["acceptance"] = self._desk.acceptance(self.terms.name, holder, claims)
        if agreement:
            data["agreement"] = agreement
        if lent is not None:
            data |= {"currency": CURRENCY, "price": yuan(lent)}
        self._say(self.terms.takes, data)

    def release(self, names: Sequence[str], reason: str) -> None:
        """The holder gives the claims back, by its own signature."""
        for batch in _batches(names):
            data = {"claims": _claims(batch), "reason": reason}
            self._say("claim.released", data, party=self.terms.holder)

    def close_day(self) -> None:
        """Claims that the seller takes back today go out at once."""
        for batch in _batches(self._returned):
            names = [name for name, _ in batch]
            price = sum(fen for _, fen in batch)
            data = {
                "claims": _claims(names), "reason": "delinquent", "currency": CURRENCY, "price": yuan(price),
                "value_date": self._desk.text, "bank_ref": f"RP{self.terms.name}{self._desk.text}.{self._seq}",
            }  # fmt: skip
            self._say("claim.repurchased", data, fen=price)
            self.release(names, "repurchased")
        self._returned = []

    def close_month(self, first: str, *, kept: bool) -> None:
        """Release what ended and remit what was collected; ``kept``: a tenth of it is left out."""
        for reason, names in sorted(self._ended.items()):
            self.release(names, reason)
        self._ended = {}
        collected, self.collected = self.collected, 0
        if not collected:
            return
        if kept:
            collected = collected * 9 // 10
        servicing = collected * SERVICING_FEE // 1_000
        last = self._desk.text
        remitted = collected - servicing
        data = {
            "holder": self.terms.holder, "currency": CURRENCY, "first": first, "last": last,
            "collected": yuan(collected),
            "items": [{"name": "servicing_fee", "amount": yuan(servicing)}],
            "amount": yuan(remitted), "value_date": last, "bank_ref": f"RM{self.terms.name}{last}",
        }  # fmt: skip
        self._say("remittance.made", data, fen=remitted)

    def tape(self, digest: str, records: int, total: int) -> None:
        """The month's tape is committed to."""
        data = {
            "tape": digest, "form": "csv", "cut_off": self._desk.text, "records": records, "partial": True,
            "totals": [{"name": "balance", "currency": CURRENCY, "amount": yuan(total)}],
        }  # fmt: skip
        self._say("tape.received", data)

    def _settle(self, agreement: str, offers: list[Offer]) -> None:
        principal = sum(offer.fen for offer in offers)
        keys = sorted(offer.asset_key for offer in offers)
        data = {
            "agreement": agreement, "currency": CURRENCY, "count": len(offers), "principal": yuan(principal),
            "price": yuan(principal), "root": merkle.root([merkle.leaf_hash(key) for key in keys]).hex(),
            "value_date": self._desk.text, "bank_ref": f"TS{agreement}",
        }  # fmt: skip
        self._say("transfer.settled", data, fen=principal)

    def _say(self, kind: str, data: dict[str, Any], *, party: str = PLATFORM, fen: int = 0) -> None:
        self._seq += 1
        self._desk.event(
            kind, self.subject, data, name=f"{self.terms.name}.{self._seq}", party=party, fen=fen
        )


def _claims(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"loan": name, "claim": "c1"} for name in names]


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, MAX_CLAIMS)):
        yield batch
