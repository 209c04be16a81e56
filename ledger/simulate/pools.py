"""Pools: claims come in by batches, go out by signed releases, and what was collected on them is passed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from ledger.domain.events.base import MAX_CLAIMS
from ledger.proofs import merkle
from ledger.simulate.desk import Desk
from ledger.simulate.platform import CURRENCY, PLATFORM, SERVICING_FEE, PoolTerms, yuan
from ledger.simulate.shelf import ShelfDay, Taken

#: Lent against pledged principal, per cent: below the advance rates, so that a usual month's arrears are covered.
LENT_PERCENT: Final = 70


class Pool:
    """What a pool says. It keeps a month's releases and collections."""

    def __init__(self, terms: PoolTerms, desk: Desk) -> None:
        self.terms = terms
        self.subject = f"pool:{terms.name}"
        self._desk = desk
        self._seq = 0
        self._collected = 0
        self._ended: dict[str, list[str]] = {}

    def create(self) -> None:
        """The first event, and where claims are sold, nothing else: no price is agreed beforehand."""
        self._say("pool.created", self.terms.created())

    def take_in(self, claims: list[Taken]) -> None:
        """Pledge them, or buy them; what is sold is settled as a whole."""
        if not claims:
            return
        sold = self.terms.takes == "claim.sold"
        agreement = f"{self.terms.name}-{self._desk.text}" if sold else None
        for batch in _batches(claims):
            self.take([name for name, _, _ in batch], agreement, lent=self._lent(batch))
        if agreement:
            self._settle(agreement, claims)

    def _lent(self, batch: Sequence[Taken]) -> int | None:
        """What the lender pays out against a batch: somewhat less than the base that the claims make."""
        if self.terms.advance_rate is None:
            return None
        return sum([fen for _, _, fen in batch]) * LENT_PERCENT // 100

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

    def close_day(self, shelves: Sequence[ShelfDay]) -> None:
        """Claims that the seller takes back go out at once; what ended and was collected waits for the month's end."""
        self._collected += sum(shelf.collected for shelf in shelves)
        for reason, name in sorted(chain.from_iterable(shelf.ended for shelf in shelves)):
            self._ended.setdefault(reason, []).append(name)
        for batch in _batches(sorted(chain.from_iterable(shelf.returned for shelf in shelves))):
            names = [name for name, _ in batch]
            price = sum(fen for _, fen in batch)
            data = {
                "claims": _claims(names), "reason": "delinquent", "currency": CURRENCY, "price": yuan(price),
                "value_date": self._desk.text, "bank_ref": f"RP{self.terms.name}{self._desk.text}.{self._seq}",
            }  # fmt: skip
            self._say("claim.repurchased", data, fen=price)
            self.release(names, "repurchased")

    def close_month(self, first: str, *, kept: bool) -> None:
        """Release what ended and remit what was collected; ``kept``: a tenth of it is left out."""
        for reason, names in sorted(self._ended.items()):
            self.release(names, reason)
        self._ended = {}
        collected, self._collected = self._collected, 0
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

    def _settle(self, agreement: str, claims: list[Taken]) -> None:
        principal = sum([fen for _, _, fen in claims])
        keys = sorted([asset_key for _, asset_key, _ in claims])
        data = {
            "agreement": agreement, "currency": CURRENCY, "count": len(claims), "principal": yuan(principal),
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
