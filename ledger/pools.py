"""The pools of a log as they stand now: one with all its figures, or each in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ledger.domain import loans, money, pools
from ledger.errors import NotFoundError
from ledger.store import ReadConnection, subjects
from ledger.store.logs import LogRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSummary:
    """A pool as it stands now: the claims it holds a share of, and the principal of these claims by currency.

    ``weak_keys`` counts the claims under a fallback asset key, which shows a second pledge in this log only;
    ``erased`` the claims of erased loans, with what was outstanding when they were erased.
    """

    pool: str
    title: str
    claims: int
    holders: dict[str, int]
    principal: dict[str, str]
    statuses: dict[str, int]
    weak_keys: int
    erased: int
    records: int
    head: str
    rules: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBrief:
    """A pool in a line. ``claims`` are those that it holds a share of, ``sealed`` the size sealed last by currency."""

    pool: str
    title: str
    rules_version: int
    claims: int
    closed: bool
    sealed: dict[str, int]


def summary(connection: ReadConnection, log: LogRow, name: str) -> PoolSummary:
    """A pool as it stands now; raises :class:`NotFoundError`."""
    row = subjects.by_name(connection, log.id, [f"pool:{name}"]).get(f"pool:{name}")
    if row is None or row.head is None:
        raise NotFoundError(f"no pool {name!r} in this log")
    positions = subjects.pool_positions(connection, log.id, row.id)
    claims = subjects.claims_by_key(connection, log.id, {asset_key for asset_key, _, _ in positions})
    loan_rows = subjects.by_id(connection, {claim.subject_id for claim in claims.values()})
    states = {subject: loans.decode(loan.state) for subject, loan in loan_rows.items()}
    holders: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    principal: Counter[str] = Counter()
    weak_keys = 0
    for claim in claims.values():
        state = states[claim.subject_id]
        part = state.claim(claim.name)
        assert part is not None
        statuses[state.status] += 1
        principal[state.currency] += part.principal
        weak_keys += part.weak
    for _, holder, _ in positions:
        holders[holder] += 1
    state_of_pool = pools.decode(row.state)
    return PoolSummary(
        pool=name,
        title=state_of_pool.title,
        claims=len(claims),
        holders=dict(sorted(holders.items())),
        principal={currency: money.format(units, currency) for currency, units in sorted(principal.items())},
        statuses=dict(sorted(statuses.items())),
        weak_keys=weak_keys,
        erased=sum(loan_rows[claim.subject_id].secret is None for claim in claims.values()),
        records=row.count,
        head=bytes(row.head).hex(),
        rules=state_of_pool.rules_data,
    )


def briefs(connection: ReadConnection, log: LogRow, names: Collection[str] | None = None) -> list[PoolBrief]:
    """Pools in a line, by name: those of ``names``, or every one of the log."""
    states = {
        name: pools.decode(state)
        for name, state in subjects.pool_states(connection, log.id).items()
        if state and (names is None or name in names)
    }
    return [
        PoolBrief(
            pool=name,
            title=state.title,
            rules_version=state.rules_version,
            claims=state.claims,
            closed=state.closed,
            sealed={currency: sealed.size for currency, sealed in sorted(state.seals.items())},
        )
        for name, state in states.items()
    ]
