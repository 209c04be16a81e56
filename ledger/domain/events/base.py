"""What an event type is: a struct of its data with its declarations, registered in one place.

Adding a type is one struct::

    @event("fee.charged", subject="loan", posted_by=SERVICING, rank=20, actus="FP", title="…")
    class FeeCharged(Data, kw_only=True):
        currency: Currency
        amount: Annotated[str, member("what is charged", MONEY, ex102="…")]

        def check(self) -> Any: ...            # form beyond types; returns the parsed amounts
        def apply(self, state, amounts, moment) -> None: ...   # only where it changes a loan's state

Members are optional by a default of ``UNSET``: an absent member stays absent, so the struct prints exactly
the data that was submitted, which is what the submitter signed. Structs refuse unknown members and other
types.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

from ledger.domain import money
from ledger.domain.calendar import parse_effective
from ledger.errors import RefusedError
from ledger.proofs.canonical import MAX_INTEGER
from ledger.quotes import in_quotes

if TYPE_CHECKING:
    from ledger.domain.loans import LoanState, Moment
    from ledger.domain.pools import PoolState

SubjectKind = Literal["loan", "pool", "account", "log"]

#: Roles a party may hold (design section 2).
Role = Literal[
    "originator", "servicer", "funding_partner", "account_bank", "guarantor", "trustee", "investor",
    "auditor", "regulator",
]  # fmt: skip
ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
#: Who speaks for a loan and its money, who for a pool, who can hold a claim.
SERVICING: Final = frozenset({"originator", "servicer"})
ARRANGING: Final = frozenset({"originator", "servicer", "trustee"})
HOLDING: Final = frozenset({"funding_partner", "trustee", "investor"})

#: Units, as the documentation prints them.
MONEY: Final = "money"
RATE: Final = "decimal, a year (0.1066 is 10.66 %)"
DAY: Final = "YYYY-MM-DD or YYYY-MM"

#: Longest free text, and longest name taken over from a file: room for any title, none for a document.
MAX_TEXT: Final = 1_000
#: Most claims in one record, and most claims of a loan.
MAX_CLAIMS: Final = 500
MAX_CLAIMS_OF_LOAN: Final = 64

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII).fullmatch
_HEX32 = re.compile(r"[0-9a-f]{64}", re.ASCII).fullmatch
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{0,11}[1-9])?", re.ASCII).fullmatch
_ANY_DECIMAL = re.compile(r"(-?)0*([0-9]+)\.?([0-9]*)", re.ASCII).fullmatch


def member(  # one line of the event's table in docs/events.md
    meaning: str, unit: str = "", *, actus: str = "", ex102: str = "", esma: str = "", **limits: Any
) -> Meta:
    """The documentation of a member (and limits of :class:`msgspec.Meta`), kept beside its type."""
    return Meta(
        description=meaning, extra={"unit": unit, "actus": actus, "ex102": ex102, "esma": esma}, **limits
    )


Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Count = Annotated[int, Meta(ge=0, le=100_000)]
Integer = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Share = Annotated[int, Meta(ge=1, le=1_000_000)]
Currency = Annotated[str, member("currency of every amount here; on a loan, the loan's", "ISO 4217")]
Key = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
#: What else a template carries: flat, so that it can be shown and compared without knowing it.
Attributes = dict[Key, Integer | bool | str | list[str]]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A structured member of an event's data."""


class Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The data of an event; each type is a subclass."""

    kind: ClassVar[EventType]

    def check(self) -> Any:
        """Raise :class:`RefusedError` for a form that types cannot rule out; return what apply needs."""
        return None

    def volume(self, amounts: Any) -> int:  # noqa: ARG002 - most events move no money
        """Sum of the magnitudes of what :meth:`apply` adds anywhere, in units of 1e-8."""
        return 0

    def lasting(self) -> dict[str, Any]:
        """What a correction must leave as it was, by the member's name."""
        return {"currency": getattr(self, "currency", None)}

    def apply(self, state: LoanState, amounts: Any, moment: Moment) -> None:
        """Fold the event into its loan's state. Never raises: all refusals come before."""

    def apply_pool(self, state: PoolState) -> None:
        """Fold the event into its pool's state; who holds what is not told here but by the claims' places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """The declarations of a type.

    ``rank`` is ten times the ACTUS sequence number of the event (room for ours between them); ``begins``: the
    subject must not exist yet; ``live``: refused after the end of a loan; ``takes``: 1 if it takes shares of
    claims, −1 if it gives them back; ``signed``: a statement signature is required; ``correctable``: a
    correction may replace it (only loans' events can be corrected at all).
    """

    name: str
    title: str
    subject: SubjectKind
    posted_by: frozenset[str]
    rank: int
    data: type[Data]
    begins: bool = False
    live: bool = False
    takes: int = 0
    signed: bool = False
    correctable: bool = True
    actus: str = ""
    ex102: str = ""
    esma: str = ""


#: Every type of event, by name: the one registry.
EVENTS: Final[dict[str, EventType]] = {}

DataType = TypeVar("DataType", bound=Data)


def event(
    name: str, *, title: str, subject: SubjectKind, posted_by: frozenset[str], rank: int, **declarations: Any
) -> Callable[[type[DataType]], type[DataType]]:
    """Register the struct below it as the data of the event ``name``."""

    def register(data: type[DataType]) -> type[DataType]:
        if name in EVENTS:
            raise RuntimeError(f"two structs for {name}")
        data.kind = EVENTS[name] = EventType(
            name=name, title=title, subject=subject, posted_by=posted_by, rank=rank, data=data, **declarations
        )
        return data

    return register


def check_name(text: str, field: str) -> None:
    """Raise :class:`RefusedError` unless ``text`` can name a party, claim, loan or pool."""
    if _NAME(text) is None:
        raise RefusedError(
            field, f"{in_quotes(text, 80)} is no name: 1 to 64 of A-Z a-z 0-9 . _ : -", rule="wrong_form"
        )


def check_digest(text: str, field: str) -> None:
    """Raise :class:`RefusedError` unless ``text`` is 32 bytes in lowercase hex."""
    if _HEX32(text) is None:
        raise RefusedError(field, "not 64 lowercase hexadecimal digits", rule="wrong_form")


def check_decimal(text: str, field: str) -> None:
    """Raise :class:`RefusedError` unless ``text`` is a decimal in its one spelling (a rate, a ratio)."""
    if _DECIMAL(text) is not None and text != "-0":
        return
    hint = ""
    if found := _ANY_DECIMAL(text[:64]):
        fraction = found[3].rstrip("0")
        right = f"{found[2]}.{fraction}" if fraction else found[2]
        sign = found[1] if right != "0" else ""
        if _DECIMAL(sign + right):
            hint = f'; write "{sign}{right}"'
    raise RefusedError(
        field, f"{in_quotes(text)} is not a decimal in its one spelling{hint}", rule="wrong_form"
    )


def check_when(text: str | msgspec.UnsetType | None, field: str) -> None:
    """Raise :class:`RefusedError` unless ``text`` is absent, null, a day or a month."""
    if isinstance(text, str):
        parse_effective(text, field)


def amount(text: str | msgspec.UnsetType, currency: str, field: str, *, negative: bool = False) -> int:
    """An amount in units of 1e-8, zero where absent; ``field`` is its path."""
    if text is msgspec.UNSET:
        return 0
    assert isinstance(text, str)
    units = money.parse(text, currency, field)
    if units < 0 and not negative:
        raise RefusedError(field, f"{in_quotes(text)} is negative", rule="wrong_money")
    return units
