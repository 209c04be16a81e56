"""Loans come into being: who, what, how much, from whose money, all from one digest of the seed and the number."""

from __future__ import annotations

import hashlib
import struct
from typing import Final, TypeVar

import msgspec

from ledger.proofs.encumbrance import weak_asset_key
from ledger.proofs.keyed import hmac_sha256_under
from ledger.simulate import lines
from ledger.simulate.borrowers import Borrowers
from ledger.simulate.desk import Desk
from ledger.simulate.frauds import Frauds
from ledger.simulate.loan import Loan
from ledger.simulate.options import Options
from ledger.simulate.plans import Plans
from ledger.simulate.platform import (
    ACCOUNTS,
    CREDITORS,
    CURRENCY,
    GUARANTORS,
    PLANTED_PRODUCT,
    PLANTED_TERM,
    PLATFORM,
    POOLS,
    PRODUCTS,
    REGIONS,
    UNKNOWN_ACCOUNT,
    Product,
)
from ledger.simulate.shelf import Shelf

#: Of 200 loans one is bought by the same person at once again, honestly.
_TWICE: Final = 200
#: Of 250 loans one is never paid out.
_NOT_PAID_OUT: Final = 250
#: Customers are three quarters as many as loans: some come again.
_CUSTOMERS: Final = (3, 4)
#: A membership is sold where principal × (instalments + 1) is so many times its fee: 3 % a year at most.
_MEMBERS_FROM: Final = 800
_BANDS: Final = "ABCDE"
_DRAWS: Final = struct.Struct(">8Q").unpack
Thing = TypeVar("Thing")


class Originator:
    """Makes loan after loan; ``doubles`` counts the honest double purchases."""

    def __init__(
        self, options: Options, desk: Desk, borrowers: Borrowers, frauds: Frauds, shelves: list[Shelf]
    ) -> None:
        self.doubles = 0
        self._desk = desk
        self._borrowers = borrowers
        self._frauds = frauds
        self._shelves = shelves
        self._origin = options.origin
        self._weak = options.weak
        self._report_every = options.report_every
        self._prefix = f"poolproof/simulate/loan/{options.seed}/".encode()
        #: Asset keys are made with the consortium's key, and customers' numbers are hidden under it.
        consortium = hashlib.sha256(f"poolproof/simulate/consortium/{options.seed}".encode()).digest()
        self._asset_key = hmac_sha256_under(consortium)
        self._hidden = hashlib.blake2b(digest_size=16, key=consortium)
        self._customers = max(1, options.loans * _CUSTOMERS[0] // _CUSTOMERS[1])
        self._plans = Plans()
        self._terms: dict[tuple[str, int, str | None], str] = {}
        self._products = _table([(product, product.weight) for product in PRODUCTS])
        self._creditors = _table([(creditors, creditors.weight) for creditors in CREDITORS])
        self._pool_of_draw = _table(
            [(shelf, terms.weight) for shelf, terms in zip(shelves, POOLS, strict=True)]
        )

    def originate(self, number: int, first: int) -> Loan | None:
        """Post loan ``number`` and file its first act; None where it is never paid out.

        ``first`` is the number of the day's first loan.
        """
        digest = self._digest(number)
        a, b, c, d, _, f, random, g = _DRAWS(digest)
        desk = self._desk
        plot = self._frauds.cast(number)
        if plot is None:
            product, terms, ticket, obligor = self._bought(number, first, a, b)
            creditors = self._creditors[c % 1_000]
        else:
            product, terms, creditors = PLANTED_PRODUCT, PLANTED_TERM, CREDITORS[0]
            ticket, obligor = product.tickets[(a >> 32) % len(product.tickets)], self._obligor(b)
        due = desk.days.dues(desk.day, terms)
        plan = self._plans.of(product, ticket, desk.day, due)
        loan = Loan(number=number, product=product, creditors=creditors, plan=plan, due=due, random=random)
        loan.plot = plot
        if product.guaranteed:
            loan.guarantor = GUARANTORS[d % 2]
        if plot is not None and plot.kind == "invented_loan":
            loan.account = UNKNOWN_ACCOUNT
        else:
            loan.account = ACCOUNTS[c >> 24 & 1]
        if plot is None and (c >> 32) % 10 < 3:
            loan.wallet = True
        loan.through = lines.through("wallet" if loan.wallet else "bank_card", loan.account)
        hexes = digest.hex()  # digests and references that stand for documents
        facts = (
            f'"obligor":"{obligor}","region":"{REGIONS[(c >> 48) % len(REGIONS)]}","contract":"{hexes[:64]}",'
            f'"consent":"CS{hexes[48:64]}","decision":{{"model":"rc-score","version":"7.2","digest":"{hexes[64:]}",'
            f'"band":"{_BANDS[(c >> 40) % 5]}"}}}},"private":{{"customer":"C{b % self._customers:08d}"}}}}'
        )
        self._say_originated(loan, loan.name, facts)
        if plot is None and (d >> 8) % _NOT_PAID_OUT == 0:
            desk.say("loan.cancelled", lines.cancelled(loan, desk.text, "not_disbursed"))
            return None
        reference = hexes[64:80]
        weak = self._weak and (f >> 8) % 1_000_000 < self._weak
        self._pay_out(loan, loan.name, reference, key_reference=None if weak else reference)
        if plot is not None and plot.kind == "double_pledge":
            twin = plot.loans[1]
            self._say_originated(loan, twin, facts)
            # The same payment of the bank, under the key of another: the ledger has no way to refuse it.
            self._pay_out(loan, twin, reference, key_reference=f"{f:016x}", twin=True)
        self._first_act(loan, d, g)
        return loan

    def _digest(self, number: int) -> bytes:
        return hashlib.sha512(self._prefix + b"%d" % number).digest()

    def _bought(self, number: int, first: int, a: int, b: int) -> tuple[Product, int, int, str]:
        """(product, instalments, ticket, obligor) of a loan by its draws, or the same again as the one before."""
        again = number
        while (b >> 40) % _TWICE == 0 and again > first and self._frauds.cast(again - 1) is None:
            again -= 1
            a, b, *_ = _DRAWS(self._digest(again))
        self.doubles += again != number
        product = self._products[a % 1_000]
        terms = product.terms[(a >> 16) % len(product.terms)]
        ticket = product.tickets[(a >> 32) % len(product.tickets)]
        return product, terms, ticket, self._obligor(b)

    def _first_act(self, loan: Loan, d: int, g: int) -> None:
        if loan.plot is not None:
            self._frauds.next(loan)
            return
        desk, product = self._desk, loan.product
        fee = product.member_fee
        # A fee that is high for a small or short loan would take its whole cost above the pools' cap.
        if fee and (d >> 32) % 4 == 0 and loan.principal * (loan.terms + 1) >= fee * _MEMBERS_FROM:
            charged, paid = lines.member_fee(loan, desk.text, fee)
            desk.say("fee.charged", charged, fee)
            desk.say("repayment.received", paid, fee)
        if (d >> 16) % 1_000 < product.returns:
            # After the claim has come into its pool, before anything falls due.
            desk.plan(desk.day + 8 + g % 7, loan, self._borrowers.refund)
        else:
            self._borrowers.next(loan)

    def _pay_out(
        self, loan: Loan, name: str, reference: str, *, key_reference: str | None, twin: bool = False
    ) -> None:
        """Pay out; ``key_reference`` is what the asset keys are of, None for weak ones."""
        desk, creditors = self._desk, loan.creditors
        keys: list[bytes] = []
        given = ""
        if key_reference is not None:
            paid = f'","PAY{key_reference}"]'
            keys = [self._asset_key(f'["{bank}{paid}'.encode()) for bank in creditors.names]
            given = "," + creditors.keys_text(keys)
        desk.say(
            "loan.disbursed",
            f'{{"id":"{name}.2","type":"loan.disbursed","subject":"loan:{name}","effective":"{desk.text}",'
            f'"party":"{PLATFORM}","data":{{"currency":"{CURRENCY}","amount":"{loan.plan.text}",'
            f'"value_date":"{desk.text}","channel":"transfer","bank_ref":"PAY{reference}"{given}}}}}',
            loan.principal,
        )
        if creditors.own:
            key = keys[0] if keys else weak_asset_key(self._origin, name, "c1")
            claim = name, key, creditors.first(loan.principal)
            self._shelf_of(loan, twin=twin).offer(claim, None if twin else loan)

    def _shelf_of(self, loan: Loan, *, twin: bool) -> Shelf:
        if loan.plot is None:
            return self._pool_of_draw[loan.random % 1_000]
        return self._shelves[1 if twin else 0]

    def _say_originated(self, loan: Loan, name: str, facts: str) -> None:
        desk = self._desk
        days = desk.days
        desk.say(
            "loan.originated",
            f'{{"id":"{name}.1","type":"loan.originated","subject":"loan:{name}","effective":"{desk.text}",'
            f'"party":"{PLATFORM}","data":{{{self._terms_text(loan)},"principal":"{loan.plan.text}",'
            f'"first_due":"{days.text(loan.due[0])}","maturity":"{days.text(loan.due[-1])}",'
            f"{loan.creditors.text(name)},{facts}",
            loan.principal,
        )

    def _terms_text(self, loan: Loan) -> str:
        key = (loan.product.name, loan.terms, loan.guarantor)
        text = self._terms.get(key)
        if text is None:
            members = loan.product.terms_of(loan.terms)
            if loan.guarantor is not None:
                members["guarantors"] = [{"party": loan.guarantor}]
            self._terms[key] = text = msgspec.json.encode(members).decode()[1:-1]
        return text

    def _obligor(self, draw: int) -> str:
        hidden = self._hidden.copy()
        hidden.update(b"customer %d" % (draw % self._customers))
        return hidden.hexdigest()


def _table(weighted: list[tuple[Thing, int]]) -> list[Thing]:
    """A list of a thousand places, each thing as often as its weight."""
    table = [thing for thing, weight in weighted for _ in range(weight)]
    assert len(table) == 1_000, "weights are of a thousand"
    return table
