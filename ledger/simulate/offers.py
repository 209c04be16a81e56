"""What customers can choose, and what all loans of one choice share: the text of their terms, and their plans."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from ledger.simulate.plans import Dues, Plan, derive
from ledger.simulate.platform import PLANTED_PRODUCT, PLANTED_TERM, PRODUCTS, Product, yuan

#: Weights are of so many, and so many places has a table that draws by them.
_OF: Final = 1_000
Thing = TypeVar("Thing")


class Offer:
    """A ``product`` in so many ``instalments`` for a ``ticket`` in fen; ``amount`` is that as events spell it."""

    __slots__ = ("_plans", "_texts", "amount", "instalments", "product", "ticket")

    def __init__(self, product: Product, instalments: int, ticket: int) -> None:
        self.product = product
        self.instalments = instalments
        self.ticket = ticket
        self.amount = yuan(ticket)
        #: By guarantor.
        self._texts: dict[str | None, str] = {}
        #: Amounts are the same where first periods count alike, whatever the year: by what these count.
        self._plans: dict[int, Plan] = {}

    def text(self, guarantor: str | None) -> str:
        """The members of a loan's terms down to its principal."""
        text = self._texts.get(guarantor)
        if text is None:
            terms = self.product.terms_of(self.instalments)
            if guarantor is not None:
                terms["guarantors"] = [{"party": guarantor}]
            terms["principal"] = self.amount
            self._texts[guarantor] = text = msgspec.json.encode(terms).decode()[1:-1]
        return text

    def plan(self, dues: Dues) -> Plan:
        """The plan of a new loan."""
        plan = self._plans.get(dues.period)
        if plan is None:
            derived = derive(self.product, self.instalments, self.ticket, dues.start, dues.first)
            self._plans[dues.period] = plan = Plan(derived)
        return plan


class Offers:
    """All offers, drawn by the products' weights."""

    def __init__(self) -> None:
        #: Of each product by number of instalments, then by ticket.
        offers = {
            product: [
                [Offer(product, terms, ticket) for ticket in product.tickets] for terms in product.terms
            ]
            for product in PRODUCTS
        }
        self._drawn = table([(offers[product], product.weight) for product in PRODUCTS])
        self._planted = offers[PLANTED_PRODUCT][PLANTED_PRODUCT.terms.index(PLANTED_TERM)]

    def drawn(self, draw: int) -> Offer:
        """What 64 drawn bits choose."""
        by_terms = self._drawn[draw % _OF]
        by_ticket = by_terms[(draw >> 16) % len(by_terms)]
        return by_ticket[(draw >> 32) % len(by_ticket)]

    def planted(self, draw: int) -> Offer:
        """The same for a planted loan."""
        return self._planted[(draw >> 32) % len(self._planted)]


def table(weighted: list[tuple[Thing, int]]) -> list[Thing]:
    """A list of a thousand places, each thing as often as its weight."""
    places = [thing for thing, weight in weighted for _ in range(weight)]
    assert len(places) == _OF, "weights are of a thousand"
    return places
