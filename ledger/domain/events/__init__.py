"""Events: typed, strict, registered in one place (:data:`EVENTS`), and read by :func:`read_submission`.

The groups follow section 4 of the design: ``loans`` and ``changes``, ``money_in``, ``creditors`` and ``cash``,
``pools`` and ``transfers``, ``files``, ``corrections``. The order of the import is the one of the documentation.
"""

# fmt: off
from ledger.domain.events import loans  # isort: skip
from ledger.domain.events import changes  # isort: skip
from ledger.domain.events import money_in, creditors, cash  # isort: skip
from ledger.domain.events import pools, transfers  # isort: skip
from ledger.domain.events import files, corrections  # isort: skip
# fmt: on
from ledger.domain.events.base import EVENTS, ROLES, Data, EventType
from ledger.domain.events.submission import MAX_BYTES, Sig, Submission, read_submission

__all__ = [
    "EVENTS",
    "MAX_BYTES",
    "ROLES",
    "Data",
    "EventType",
    "Sig",
    "Submission",
    "cash",
    "changes",
    "corrections",
    "creditors",
    "files",
    "loans",
    "money_in",
    "pools",
    "read_submission",
    "transfers",
]
