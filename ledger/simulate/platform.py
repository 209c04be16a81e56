"""The platform and those around it: parties with their keys, products, creditors, pools and their rules.

All of it is invented, in the proportions of a Chinese consumer-finance platform that brokers for banks and lends
through its own microloan company.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.proofs.note import Signer

CURRENCY: Final = "CNY"
#: Who posts and services, and who owes the platform's own share of a loan to its funders.
PLATFORM: Final = "platform"
MICROLOAN: Final = "microloan"
BANK: Final = "custody"
GUARANTORS: Final = ("guarantor-a", "guarantor-b")
#: Collection accounts at the account bank, and one that it does not know.
ACCOUNTS: Final = ("collect-1", "collect-2")
UNKNOWN_ACCOUNT: Final = "collect-9"
PENALTY_RATE: Final = "0.18"
PENALTY_PERCENT: Final = 18
GRACE_DAYS: Final = 3
#: Of what is collected, in a thousand.
SERVICING_FEE: Final = 10
#: Days past due at which the guarantor pays, the platform buys back, the rest is written off.
COMPENSATED_AFTER: Final = 80
BOUGHT_BACK_AFTER: Final = 95
CHARGED_OFF_AFTER: Final = 185

_ROLES: Final[dict[str, tuple[str, ...]]] = {
    PLATFORM: ("originator", "servicer"),
    MICROLOAN: ("originator",),
    "bank-east": ("funding_partner",),
    "bank-north": ("funding_partner",),
    "fund-a": ("funding_partner",),
    "fund-b": ("funding_partner",),
    "spv-1": ("investor", "trustee"),
    BANK: ("account_bank",),
    GUARANTORS[0]: ("guarantor",),
    GUARANTORS[1]: ("guarantor",),
}
#: Those who sign: what they state must not be said by another.
_SIGN: Final = frozenset({"fund-a", "fund-b", "spv-1", BANK, *GUARANTORS})


@dataclass(frozen=True, slots=True)
class SimulatedParty:
    """A party to register before the first event; ``key`` is its verifier key, None where it signs nothing."""

    name: str
    roles: tuple[str, ...]
    key: str | None


def signers(seed: int) -> dict[str, Signer]:
    """The statement keys that the seed gives. They protect nothing: whoever knows the seed has them."""
    return {
        name: Signer.from_seed(
            name, hashlib.sha256(f"poolproof/simulate/key/{seed}/{name}".encode()).digest()
        )
        for name in sorted(_SIGN)
    }


def parties(seed: int) -> list[SimulatedParty]:
    """All parties of a simulated book, with the keys that the seed gives."""
    keys = {name: signer.verifier.vkey for name, signer in signers(seed).items()}
    return [SimulatedParty(name, roles, keys.get(name)) for name, roles in _ROLES.items()]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """What is offered. ``tickets`` in fen; ``returns`` of a thousand loans are for goods that go back;
    ``weight`` of a thousand loans are of this product; ``member_fee`` in fen, to the platform, at the payout.
    """

    name: str
    scene: str
    rate: str
    amortisation: str
    terms: tuple[int, ...]
    tickets: tuple[int, ...]
    weight: int
    fees: tuple[dict[str, str], ...] = ()
    interest_only: int = 0
    guaranteed: bool = False
    returns: int = 0
    member_fee: int = 0

    def terms_of(self, instalments: int) -> dict[str, Any]:
        """The members of loan.originated that are the same for all loans of this product and term."""
        terms: dict[str, Any] = {
            "currency": CURRENCY,
            "annual_rate": self.rate,
            "day_count": "1/12",
            "amortisation": self.amortisation,
            "instalments": instalments,
            "rounding": "half_up",
            "residual": "last",
            "grace_days": GRACE_DAYS,
            "penalty_rate": PENALTY_RATE,
            "waterfall": ["penalty", "fee", "interest", "principal"],
            "prepayment": {"allowed": True, "effect": "lower_instalment"},
            "product": self.name,
            "scene": self.scene,
        }
        if self.interest_only:
            terms["interest_only"] = self.interest_only
        fees = list(self.fees)
        if self.member_fee:
            fees.append(
                {"name": "membership", "payee": PLATFORM, "amount": yuan(self.member_fee), "when": "event"}
            )
        if fees:
            terms["fees"] = fees
        return terms


#: The hundredths of an amount, looked up: to format two digits takes twice as long as all the rest of it.
_HUNDREDTHS: Final = tuple(f".{fen:02d}" for fen in range(100))


def yuan(fen: int) -> str:
    """An amount as events spell it."""
    return f"{fen // 100}{_HUNDREDTHS[fen % 100]}"


def _tickets(*amounts: int) -> tuple[int, ...]:
    return tuple(amount * 100 for amount in amounts)


PRODUCTS: Final = (
    Product(
        name="phone-0", scene="electronics", rate="0", amortisation="annuity", terms=(3, 6, 12), weight=240,
        tickets=(129_900, 199_900, 259_900, 349_900, 499_900, 699_900), returns=25,
    ),
    Product(
        name="cash", scene="cash", rate="0.1188", amortisation="annuity", terms=(3, 6, 12, 24), weight=330,
        tickets=_tickets(800, 1_000, 1_500, 2_000, 3_000, 5_000, 8_000, 10_000), guaranteed=True,
        fees=({"name": "guarantee_fee", "payee": GUARANTORS[0], "rate": "0.08", "when": "instalment"},),
        member_fee=1_500,
    ),
    Product(
        name="mall", scene="marketplace", rate="0.126", amortisation="annuity", terms=(3, 6, 9, 12), weight=260,
        tickets=(80_000, 99_900, 128_800, 159_900, 219_900), returns=15,
        fees=({"name": "service_fee", "payee": PLATFORM, "amount": "2.00", "when": "instalment"},),
    ),
    Product(
        name="course", scene="education", rate="0.096", amortisation="linear", terms=(12, 18, 24), weight=80,
        tickets=_tickets(3_600, 6_800, 9_800),
    ),
    Product(
        name="travel", scene="travel", rate="0.144", amortisation="bullet", terms=(3, 4, 6), weight=40,
        tickets=_tickets(1_200, 2_400, 4_800),
    ),
    Product(
        name="home", scene="renovation", rate="0.108", amortisation="annuity", terms=(12, 18, 24), weight=50,
        tickets=_tickets(5_000, 10_000, 20_000), interest_only=3, guaranteed=True,
    ),
)  # fmt: skip
#: The product of planted loans, and their number of instalments: long enough for each fraud to show.
PLANTED_PRODUCT: Final = PRODUCTS[1]
PLANTED_TERM: Final = 12


@dataclass(frozen=True, slots=True)
class Creditors:
    """Who lends a loan, in which shares (ppm); claims are c1, c2, …; ``remainder`` takes what does not divide."""

    names: tuple[str, ...]
    shares: tuple[int, ...]
    remainder: int
    weight: int
    claims: tuple[str, ...] = field(init=False)
    #: Whether the microloan company has a claim, which can be pledged and sold; it is c1.
    own: bool = field(init=False)
    #: By claim: what its asset key is made of, up to the bank's reference; the text of ``asset_keys`` before that key.
    keyed: tuple[tuple[bytes, str], ...] = field(init=False)
    _texts: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        claims = tuple(f"c{i}" for i in range(1, len(self.names) + 1))
        listed = ",".join(
            f'{{"claim":"{claim}","creditor":"{bank}","share":{share},"contract":"{bank}-@"}}'
            for claim, bank, share in zip(claims, self.names, self.shares, strict=True)
        )
        named = f',"remainder":"{claims[self.remainder]}"' if len(claims) > 1 else ""
        object.__setattr__(self, "claims", claims)
        object.__setattr__(self, "own", self.names[0] == MICROLOAN)
        made = [f'["{bank}","PAY'.encode() for bank in self.names]
        before = [f'{{"claim":"{claim}","asset_key":"' for claim in claims]
        before = [f'"asset_keys":[{before[0]}', *[f'"}},{one}' for one in before[1:]]]
        object.__setattr__(self, "keyed", tuple(zip(made, before, strict=True)))
        object.__setattr__(self, "_texts", tuple(f'"claims":[{listed}]{named}'.split("@")))

    def text(self, loan: str) -> str:
        """The members ``claims`` and ``remainder`` of a loan's terms."""
        return loan.join(self._texts)

    def first(self, fen: int) -> int:
        """The part of c1 alone."""
        shares = self.shares
        if len(shares) == 1:
            return fen
        if self.remainder:
            return fen * shares[0] // 1_000_000
        return fen - sum([fen * share // 1_000_000 for share in shares[1:]])

    def split(self, fen: int) -> list[int]:
        """The parts of an amount that is not negative, as :func:`ledger.domain.money.split` has them."""
        if len(self.shares) == 1:
            return [fen]
        parts = [fen * share // 1_000_000 for share in self.shares]
        parts[self.remainder] += fen - sum(parts)
        return parts


CREDITORS: Final = (
    Creditors((MICROLOAN,), (1_000_000,), 0, 450),
    Creditors((MICROLOAN, "bank-east"), (300_000, 700_000), 1, 250),
    Creditors((MICROLOAN, "bank-east", "bank-north"), (333_333, 333_333, 333_334), 0, 100),
    Creditors(("bank-east",), (1_000_000,), 0, 120),
    Creditors(("bank-north",), (1_000_000,), 0, 80),
)

REGIONS: Final = (
    "CN-11", "CN-12", "CN-31", "CN-32", "CN-33", "CN-34", "CN-35", "CN-36", "CN-37", "CN-41", "CN-42", "CN-43",
    "CN-44", "CN-45", "CN-50", "CN-51", "CN-61",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTerms:
    """A pool: who holds its claims, how they come in, its share of a thousand new claims."""

    name: str
    holder: str
    title: str
    structure: str
    takes: str
    weight: int
    advance_rate: str | None = None

    def created(self) -> dict[str, Any]:
        """The data of pool.created."""
        rules: dict[str, Any] = {
            "version": 1,
            "eligibility": {
                "principal_max": "20000.00",
                "instalments_min": 3,
                "instalments_max": 24,
                "annual_rate_max": "0.24",
                "annual_cost_max": "0.24",
                "days_past_due_max": 30,
                "product_in": [product.name for product in PRODUCTS],
            },
            "concentration": [
                {"attribute": "region", "share": 400_000},
                {"attribute": "product", "share": 700_000},
            ],
            "bucket_bounds": [0, 30, 60, 90],
            "dpd_rule": "oldest_unpaid",
            "cost_measure": "irr_monthly_x12",
            "tolerances": {"interest": "0.01", "schedule": "0.01"},
        }
        if self.advance_rate:
            rules["advance_rate"] = self.advance_rate
        return {"rules": rules, "title": self.title, "structure": self.structure, "currency": CURRENCY}


POOLS: Final = (
    PoolTerms(
        name="WAREHOUSE-A", holder="fund-a", title="Warehouse of fund A", structure="warehouse",
        takes="claim.pledged", weight=400, advance_rate="0.85",
    ),
    PoolTerms(
        name="WAREHOUSE-B", holder="fund-b", title="Warehouse of fund B", structure="warehouse",
        takes="claim.pledged", weight=300, advance_rate="0.8",
    ),
    PoolTerms(
        name="ABS-1", holder="spv-1", title="Revolving trust 1", structure="abs", takes="claim.sold", weight=300,
    ),
)  # fmt: skip
