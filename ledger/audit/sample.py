"""A reproducible sample of a pool's loans for field work: who knows the seed draws the same ones.

Loans are ranked by SHA-256 of the seed and their name, and the first are taken. The seed is the hash of a block mined
after the audited size was anchored: who made the pool could not know it, and who draws cannot choose it. Of words that
somebody picks, as many could be tried as it takes to draw only good loans.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from ledger.errors import NotFoundError, RefusedError
from ledger.store import ReadConnection, records, subjects
from ledger.store.logs import LogRow

_LABEL = b"poolproof/sample/v1\0"
_BLOCK_HASH = re.compile(r"0x[0-9a-f]{64}")


def check_seed(seed: str) -> str:
    """The seed in lower case, as it draws. Raises :class:`RefusedError` for one that is no block hash."""
    text = seed.lower()
    if _BLOCK_HASH.fullmatch(text) is None:
        raise RefusedError(
            "seed",
            f"{seed!r} is no block hash, 0x and 64 hex digits: take that of a block mined after the audited size was "
            "anchored, which nobody could choose",
        )
    return text


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
