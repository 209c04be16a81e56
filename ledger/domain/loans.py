"""A loan's folded state: small, and the same whatever order its events arrive in.

``state(N, D)`` of the design is the fold of a loan's records ordered by (effective, ACTUS event rank, seq).
For what stands here that order need not be kept, because the summary is commutative: flows are sums, and
the status is that of the event with the greatest (effective, rank, seq). So a late event costs no replay,
and the append path holds one small struct per loan. What depends on the order or the day (days past due,
buckets) is derived by the audit from the records, never kept.

A seasoned loan begins with the position asserted at ``as_of``: a flow effective on or before that day is part
of the position, is counted in ``before`` and changes nothing else.

Every flow of principal is split exactly to the claims (:func:`ledger.domain.money.split`), flow by flow, so a
claim's principal is a sum too.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec

from ledger.domain import money
from ledger.errors import IntegrityError, RefusedError
from ledger.proofs.encumbrance import ClaimState

#: Statuses, in the words of the register.
ORIGINATED: Final = "originated"
ACTIVE: Final = "active"
SETTLED: Final = "settled"
CHARGED_OFF: Final = "charged_off"
CANCELLED: Final = "cancelled"
#: After these nothing may be disbursed, pledged or sold any more.
ENDED: Final = frozenset({SETTLED, CHARGED_OFF, CANCELLED})

#: A moment in the fold's order: (ordinal of the effective day, ACTUS event rank, seq).
Moment = tuple[int, int, int]


class ClaimPart(msgspec.Struct, array_like=True, gc=False):
    """One creditor's share. ``principal`` in units of 1e-8; ``asset_key`` is empty until it arrives.

    ``bought`` is the moment of the newest claim.bought_back, which named the creditor.
    """

    name: str
    creditor: str
    share: int
    principal: int = 0
    asset_key: bytes = b""
    weak: bool = False
    bought: Moment = (0, -1, 0)


class LoanState(msgspec.Struct, array_like=True, gc=False):
    """The fold of a loan's events so far. Money in units of 1e-8, days as ordinals.

    ``collected_*`` are repayments less reversals; ``gross`` bounds every total, so that one comparison shows
    whether a flow still fits 64 bits.
    """

    currency: str
    claims: list[ClaimPart]
    remainder: int = 0
    opened: bool = False
    as_of: int = 0
    status: str = ORIGINATED
    status_day: int = 0
    status_rank: int = -1
    status_seq: int = 0
    events: int = 0
    before: int = 0
    reports: int = 0
    disbursed: int = 0
    collected: int = 0
    collected_principal: int = 0
    collected_interest: int = 0
    collected_fee: int = 0
    collected_penalty: int = 0
    collected_other: int = 0
    charged_off: int = 0
    recovered: int = 0
    gross: int = 0
    refunded: int = 0
    waived: int = 0
    compensated: int = 0
    fees_charged: int = 0
    schedule_changes: int = 0

    @property
    def principal(self) -> int:
        """Principal outstanding, over all claims."""
        return sum(claim.principal for claim in self.claims)

    @property
    def ended(self) -> bool:
        """Whether the newest status ends the loan."""
        return self.status in ENDED

    def claim(self, name: str) -> ClaimPart | None:
        """The claim of this name, if the loan has it."""
        for part in self.claims:
            if part.name == name:
                return part
        return None

    def counts(self, moment: Moment) -> bool:
        """Whether a flow at ``moment`` lies after the opening position; one that does not is only counted."""
        if self.opened and moment[0] <= self.as_of:
            self.before += 1
            return False
        return True

    def become(self, status: str, moment: Moment) -> None:
        """Take a status, unless a later event has set one already."""
        if moment > (self.status_day, self.status_rank, self.status_seq):
            self.status = status
            self.status_day, self.status_rank, self.status_seq = moment

    def move_principal(self, units: int) -> None:
        """Add a flow of principal to the claims, split exactly."""
        claims = self.claims
        if len(claims) == 1:
            claims[0].principal += units
            return
        parts = money.split(units, [part.share for part in claims], self.remainder, self.currency)
        for claim, part in zip(claims, parts, strict=True):
            claim.principal += part

    def check_room(self, volume: int) -> None:
        """Raise :class:`RefusedError` if flows of this gross volume could take a total beyond 64 bits."""
        if self.gross + volume > money.MAX_TOTAL:
            raise RefusedError(
                "data", "the loan's totals would leave what the ledger can count", rule="too_large"
            )


class Entry(Protocol):
    """What :func:`apply` reads: a :class:`ledger.domain.record.Record` is one."""

    @property
    def event(self) -> Any:
        """The typed data."""

    @property
    def amounts(self) -> Any:
        """What the event's check parsed."""

    @property
    def moment(self) -> Moment:
        """The place in the fold's order."""


def apply(state: LoanState, entry: Entry) -> None:
    """Fold a record into its loan's state, in whatever order records come. Never raises."""
    event = entry.event
    state.gross += event.volume(entry.amounts)
    event.apply(state, entry.amounts, entry.moment)
    state.events += 1


def begin(entry: Entry) -> LoanState:
    """The state after the loan's first record (loan.opened or loan.originated)."""
    state: LoanState = entry.event.begin()
    apply(state, entry)
    return state


_decoder = msgspec.msgpack.Decoder(LoanState)
_encoder = msgspec.msgpack.Encoder()

#: The stored bytes of a state.
encode = _encoder.encode


def decode(data: bytes) -> LoanState:
    """Read a stored state. Raises :class:`IntegrityError`: only our own store holds such bytes."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"a stored loan state cannot be read: {error}") from None


def claim_state(
    state: LoanState, *, loan: str, claim: str, count: int, head: bytes, last_index: int, nonce: str
) -> ClaimState:
    """What the register commits to about one claim: facts that do not depend on the day.

    ``loan`` is the name without ``loan:``; ``count``, ``head`` and ``last_index`` are of the loan's records.
    """
    part = state.claim(claim)
    if part is None:
        raise IntegrityError(f"loan:{loan} has no claim {claim!r}")
    return ClaimState(
        loan=loan,
        claim=claim,
        creditor=part.creditor,
        share=part.share,
        currency=state.currency,
        status=state.status,
        principal=money.format(part.principal, state.currency),
        count=count,
        head=head,
        last_index=last_index,
        nonce=nonce,
    )
