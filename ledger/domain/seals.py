"""Seals of pools: what an event pool.sealed must say to be admitted, and what a held share amounts to.

Admission holds a seal to its form: that it is the digest of the header which the event's own members give, that
its size was published, that the rules are the pool's, and that one size has one seal unless a later one names
the one it takes the place of. Whether its count, sums and root are those of the pool's claims is for whoever
has the records; :meth:`ledger.log.Ledger.seal_pool` works them out.
"""

from __future__ import annotations

from collections.abc import Container

from ledger.domain import money, refusals
from ledger.domain.calendar import Effective, parse_day
from ledger.domain.events.pools import PoolSealed
from ledger.domain.pools import PoolState, Sealed
from ledger.errors import MalformedError, RefusedError
from ledger.proofs.encumbrance import WHOLE
from ledger.proofs.seal import SealHeader
from ledger.proofs.sumtree import Node


def header_of(pool: str, event: PoolSealed) -> SealHeader:
    """The header that the event's members give; ``pool`` without ``pool:``. Raises :class:`MalformedError`."""
    receivable, credit = event.check()
    return SealHeader(
        pool=pool,
        currency=event.currency,
        size=event.size,
        as_of=event.as_of,
        total=Node(bytes.fromhex(event.root), event.count, receivable, credit),
        rules_version=event.rules_version,
        restates=None if event.restates is None else bytes.fromhex(event.restates),
    )


def event_data(header: SealHeader) -> dict[str, object]:
    """The data of the event that records this header's seal."""
    members = header.members()
    del members["pool"]
    return {**members, "seal": header.seal.hex()}


def admit(
    pool: PoolState, name: str, event: PoolSealed, *, when: Effective, sizes: Container[int], index: int
) -> None:
    """Take a seal into its pool's state, or raise :class:`RefusedError` with the state unchanged.

    ``name`` is the pool's without ``pool:``, ``when`` the event's effective day, ``sizes`` have the published
    size that it names, ``index`` is the leaf that the event will have.
    """
    if parse_day(event.as_of, "data.as_of") > when.last_day:
        raise RefusedError("data.as_of", f"{event.as_of} is after effective, {when.text}")
    if event.rules_version != pool.rules_version:
        raise RefusedError(
            "data.rules_version",
            f"{event.rules_version}, but the pool's rules have version {pool.rules_version}",
            rule="wrong_rules_version",
        )
    if event.size not in sizes:
        raise RefusedError(
            "data.size", f"no checkpoint of size {event.size} is published", rule="unknown_size"
        )
    try:
        seal = header_of(name, event).seal
    except MalformedError as error:
        raise RefusedError("data", error.reason) from error
    if seal.hex() != event.seal:
        raise RefusedError(
            "data.seal",
            f"the digest of the header that these members give is {seal.hex()}",
            rule="wrong_seal",
        )
    _check_last(pool.seals.get(event.currency), event)
    pool.seals[event.currency] = Sealed(event.size, seal, index)


def _check_last(last: Sealed | None, event: PoolSealed) -> None:
    restates = None if last is None else last.seal.hex()
    if event.restates is not None and event.restates != restates:
        raise RefusedError(
            "data.restates",
            f"not the last seal of this pool in {event.currency}, which is {restates or 'none'}",
            rule="unknown_seal",
        )
    if last is None or event.size > last.size:
        return
    if event.restates is None or event.size < last.size:
        raise refusals.sealed(event.size, last)


def held(principal: int, share: int, currency: str) -> tuple[int, int]:
    """(receivable, credit) that a held share (ppm) is of a claim's principal, in units of 1e-8.

    The whole is exact to the last digit. Less than the whole is cut to the currency's minor unit, towards zero, as
    :func:`ledger.domain.money.split` cuts, and what is left stays with the share that is not held: several
    pools never count more of a claim than there is.
    """
    part = principal
    if share != WHOLE:
        part = money.split(principal, [share, WHOLE - share], 1, currency)[0]
    return (part, 0) if part > 0 else (0, -part)
