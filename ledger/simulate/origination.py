"""Loans come into being: who, what, how much, from whose money, all from one digest of the seed and the number."""

from __future__ import annotations

import hashlib
import struct
from typing import Final

from ledger.proofs.encumbrance import weak_asset_key
from ledger.proofs.keyed import hmac_sha256_under
from ledger.simulate import lines
from ledger.simulate.borrowers import Borrowers
from ledger.simulate.desk import Desk
from ledger.simulate.frauds import Frauds
from ledger.simulate.loan import Loan
from ledger.simulate.offers import Offer, Offers, table
from ledger.simulate.options import Options
from ledger.simulate.platform import (
    ACCOUNTS,
    CREDITORS,
    CURRENCY,
    GUARANTORS,
    PLATFORM,
    POOLS,
    REGIONS,
    UNKNOWN_ACCOUNT,
)
from ledger.simulate.shelf import Shelf

#: Of 200 loans one is bought by the same person at once again, honestly.
_TWICE: Final = 200
#: Of 250 loans one is never paid out.
_NOT_PAID_OUT: Final = 250
#: Of ten loans so many are paid through the wallet.
_WALLETS: Final = 3
#: Customers are three quarters as many as loans: some come again.
_CUSTOMERS: Final = (3, 4)
#: A membership is sold where principal × (instalments + 1) is so many times its fee: 3 % a year at most.
_MEMBERS_FROM: Final = 800
_BANDS: Final = "ABCDE"
_DRAWS: Final = struct.Struct(">8Q").unpack


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
        self._prefix = f"poolproof/simulate/loan/{options.seed}/".encode()
        #: Asset keys are made with the consortium's key, and customers' numbers are hidden under it.
        consortium = hashlib.sha256(f"poolproof/simulate/consortium/{options.seed}".encode()).digest()
        self._asset_key = hmac_sha256_under(consortium)
        self._hidden = hashlib.blake2b(digest_size=16, key=consortium)
        self._customers = max(1, options.loans * _CUSTOMERS[0] // _CUSTOMERS[1])
        self._offers = Offers()
        self._creditors = table([(creditors, creditors.weight) for creditors in CREDITORS])
        self._pool_of_draw = table(
            [(shelf, terms.weight) for shelf, terms in zip(shelves, POOLS, strict=True)]
        )

    def open(self, first: int) -> None:
        """Begin the desk's day, whose loans are numbered from ``first`` on."""
        desk = self._desk
        self._first = first
        self._dues = desk.days.dues(desk.day)
        self._dated = f'","effective":"{desk.text}","party":"{PLATFORM}","data":{{'

    def originate(self, number: int) -> Loan | None:
        """Post loan ``number`` and file its first act; None where it is never paid out."""
        desk, digest = self._desk, self._digest(number)
        a, b, c, d, _, f, random, g = _DRAWS(digest)
        plot = self._frauds.cast(number)
        if plot is None:
            a, b = self._bought(number, a, b)
            offer, creditors = self._offers.drawn(a), self._creditors[c % 1_000]
        else:
            offer, creditors = self._offers.planted(a), CREDITORS[0]
        due, dated = self._dues.of(offer.instalments)
        loan = Loan(
            number=number, lane=self._frauds.lane(number), product=offer.product, creditors=creditors,
            plan=offer.plan(self._dues), due=due, guarantor=GUARANTORS[d % 2] if offer.product.guaranteed else None,
            random=random, plot=plot,
        )  # fmt: skip
        loan.account = ACCOUNTS[c >> 24 & 1]
        if plot is None:
            loan.wallet = (c >> 32) % 10 < _WALLETS
        elif plot.kind == "invented_loan":
            loan.account = UNKNOWN_ACCOUNT
        loan.through = lines.through("wallet" if loan.wallet else "bank_card", loan.account)
        customer = b % self._customers
        hexes = digest.hex()  # digests and references that stand for documents
        facts = (
            f'"obligor":"{self._obligor(customer)}","region":"{REGIONS[(c >> 48) % len(REGIONS)]}",'
            f'"contract":"{hexes[:64]}","consent":"CS{hexes[48:64]}","decision":{{"model":"rc-score",'
            f'"version":"7.2","digest":"{hexes[64:]}","band":"{_BANDS[(c >> 40) % 5]}"}}}},'
            f'"private":{{"customer":"C{str(customer).zfill(8)}"}}}}'
        )
        self._say_originated(loan, offer, loan.name, dated, facts)
        if plot is None and (d >> 8) % _NOT_PAID_OUT == 0:
            desk.say("loan.cancelled", lines.cancelled(loan, desk.text, "not_disbursed"))
            return None
        reference = hexes[64:80]
        weak = self._weak and (f >> 8) % 1_000_000 < self._weak
        self._pay_out(loan, offer.amount, loan.name, reference, key_reference=None if weak else reference)
        if plot is not None and plot.kind == "double_pledge":
            twin = plot.loans[1]
            self._say_originated(loan, offer, twin, dated, facts)
            # The same payment of the bank, under the key of another: the ledger has no way to refuse it.
            self._pay_out(loan, offer.amount, twin, reference, key_reference=f"{f:016x}", twin=True)
        self._first_act(loan, d, g)
        return loan

    def _digest(self, number: int) -> bytes:
        return hashlib.sha512(self._prefix + b"%d" % number).digest()

    def _bought(self, number: int, a: int, b: int) -> tuple[int, int]:
        """The draws that say what is bought and by whom: the loan's own, or, where it is the same again, those of the
        loan before it on this day.
        """
        again = number
        while (b >> 40) % _TWICE == 0 and again > self._first and self._frauds.cast(again - 1) is None:
            again -= 1
            a, b, *_ = _DRAWS(self._digest(again))
        self.doubles += again != number
        return a, b

    def _obligor(self, customer: int) -> str:
        hidden = self._hidden.copy()
        hidden.update(b"customer %d" % customer)
        return hidden.hexdigest()

    def _say_originated(self, loan: Loan, offer: Offer, name: str, dated: str, facts: str) -> None:
        self._desk.say(
            "loan.originated",
            f'{{"id":"{name}.1","type":"loan.originated","subject":"loan:{name}{self._dated}'
            f"{offer.text(loan.guarantor)},{dated},{loan.creditors.text(name)},{facts}",
            loan.principal,
        )

    def _pay_out(
        self,
        loan: Loan,
        amount: str,
        name: str,
        reference: str,
        *,
        key_reference: str | None,
        twin: bool = False,
    ) -> None:
        """Pay out; ``key_reference`` is what the asset keys are of, None for weak ones."""
        desk, creditors = self._desk, loan.creditors
        keys, given = [], ""
        if key_reference is not None:
            paid, given = f'{key_reference}"]'.encode(), ","
            for made_of, before in creditors.keyed:
                keys.append(key := self._asset_key(made_of + paid))
                given += before + key.hex()
            given += '"}]'
        desk.say(
            "loan.disbursed",
            f'{{"id":"{name}.2","type":"loan.disbursed","subject":"loan:{name}{self._dated}"currency":"{CURRENCY}",'
            f'"amount":"{amount}","value_date":"{desk.text}","channel":"transfer",'
            f'"bank_ref":"PAY{reference}"{given}}}}}',
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
