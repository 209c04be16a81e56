"""A reproducible sample of a pool's loans for field work: who knows the seed draws the same ones.

Loans are ranked by SHA-256 of the seed and their name, and the first are taken. The seed should be something that
nobody could choose after seeing the pool, such as the hash of a block mined after the audited size was anchored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ledger.errors import NotFoundError
from ledger.store import ReadConnection, records, subjects
from ledger.store.logs import LogRow

_LABEL = b"poolproof/sample/v1\0"


def draw(loans: Iterable[str], count: int, seed: str) -> list[str]:
    """``count`` of the loans (all, if there are fewer) in the order of their rank.

    Which loans are drawn does not depend on the order they come in; a larger sample contains the smaller one.
    """
    start = hashlib.sha256(_LABEL + seed.encode() + b"\0")

    def rank(loan: str) -> bytes:
        one = start.copy()
        one.update(loan.encode())
        return one.digest()

    return sorted(loans, key=rank)[:count]


def population(connection: ReadConnection, log: LogRow, pool: str, size: int) -> list[str]:
    """Names of the loans that the pool holds, or held, a share of by records with an index < ``size``."""
    row = subjects.by_name(connection, log.id, [f"pool:{pool}"]).get(f"pool:{pool}")
    if row is None:
        raise NotFoundError(f"no pool {pool!r} in this log")
    ids = subjects.loans_of_pool(connection, log.id, row.id, before=size)
    return [loan.name.removeprefix("loan:") for loan in subjects.by_id(connection, ids).values()]


def events(connection: ReadConnection, log: LogRow, loan: str, size: int) -> list[tuple[str, str]]:
    """(party, event id) of a loan's records with an index < ``size``, in their order."""
    row = subjects.by_name(connection, log.id, [f"loan:{loan}"]).get(f"loan:{loan}")
    own = [] if row is None else records.of_subject(connection, row.id, before=size)
    return [(one.party, one.event_id) for one in own]
