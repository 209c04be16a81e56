"""What every range of an audit is examined under, in whatever process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from ledger.audit.checks.case import Case
from ledger.audit.collectors import Collector
from ledger.audit.pool import Pool
from ledger.audit.scan.logscan import Known
from ledger.audit.sight import Opener
from ledger.audit.statements import Signers
from ledger.audit.trail import Trail
from ledger.store.logs import LogRow

#: Something that is asked of one loan, and writes what it finds into the case's notes.
Check = Callable[[Case], None]
#: Makes fresh collectors for one range of a pool's loans.
Collect = Callable[["Job"], dict[str, Collector]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Sent to other processes: so functions are such that are found by name.

    ``opener`` has the nonces of the register's values, where they are to be had; ``signers`` the parties' keys.
    """

    url: str
    log: LogRow
    pool: Pool
    size: int
    #: of the register's root; None where it cannot be read
    register_page: int | None
    as_of: date
    opener: Opener | None
    signers: Signers
    collect: Collect
    checks: tuple[Check, ...]
    #: the size of the last audit: holders are followed through every register from there on
    since: int = 0
    #: what stands in for damaged tables
    views: Mapping[str, str] = field(default_factory=dict)
    #: settlements and day closes, where the log's records are scanned
    known: Known | None = None
    #: what that scan found, once it is done
    trail: Trail | None = None
