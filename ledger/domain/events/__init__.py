"""Events: typed, strict, registered in one place (:data:`EVENTS`), and read by :func:`read_submission`.

The groups follow section 4 of the design: ``loans``, ``money_in``, ``pools``, ``files``.
"""

from ledger.domain.events import files, loans, money_in, pools
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
    "files",
    "loans",
    "money_in",
    "pools",
    "read_submission",
]
