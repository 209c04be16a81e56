"""How long reports are kept: old ones are taken out, and what their runs have found is counted on.

Of each pool stay, whatever their age: the newest report, from which pages, the API and the next comparison tell what
stands; and the newest that an attestation names which a party had relayed here, since its signature is worth nothing
without the document. Who signed a report that was cut to its sight named another digest than that of the whole one, so
the newest of an attested size stays too. Attestations that went to the chain by other ways are not known here: whoever
signs keeps the file that it signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.store import audits as rows
from ledger.store import relays

if TYPE_CHECKING:
    from ledger.store import WriteConnection


def forget(connection: WriteConnection, log_id: int, *, ended: str) -> int:
    """Take out the reports of runs that ended before ``ended`` (an instant), but for those that stay; how many."""
    attested = _attested(connection, log_id)
    kept: dict[tuple[str, str], str] = {}
    for run in rows.reported(connection, log_id):
        kept.setdefault((run.pool, "newest"), run.id)
        for name, what in (("digest", run.sha256), ("size", run.size)):
            if (run.pool, what) in attested:
                kept.setdefault((run.pool, name), run.id)
    return rows.drop_reports(connection, log_id, ended=ended, but=set(kept.values()))


def _attested(connection: WriteConnection, log_id: int) -> set[tuple[str, str | int]]:
    """Of all attestations that were relayed or are on their way: (pool, SHA-256 of the report), (pool, size)."""
    from ledger.chain.attestation import SignedAttestation

    found: set[tuple[str, str | int]] = set()
    for pool, file in relays.files(connection, log_id):
        one = SignedAttestation.parse(file).attestation
        found |= {(pool, one.evidence.hex()), (pool, one.size)}
    return found
