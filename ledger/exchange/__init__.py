"""Files, as banks and platforms exchange them: dated daily files in, replies and reconciliation files (对账文件) out.

:class:`Exchange` runs over a :class:`Place` (a directory or object store) and gives a :class:`Report`; :func:`problems`
and :func:`days` answer from the database what there is to act on, for webhooks, and the table of days, for pages;
:class:`Outbox` is the sender's side. Rooms behind: ``layout`` (what lies where), ``plan`` (who sends what, by when),
``manifest``, ``intake`` (one file), ``replies``, ``recon``, ``close`` (日终), ``states``. :func:`countersign` is the
partner's answer to a close.
"""

from ledger.exchange.close import Closed
from ledger.exchange.countersign import Countersigned, countersign
from ledger.exchange.place import Place
from ledger.exchange.run import Exchange, Report
from ledger.exchange.sender import Outbox
from ledger.exchange.states import DayView, FileView, Kind, Problem, State, days, problems

__all__ = [
    "Closed",
    "Countersigned",
    "DayView",
    "Exchange",
    "FileView",
    "Kind",
    "Outbox",
    "Place",
    "Problem",
    "Report",
    "State",
    "countersign",
    "days",
    "problems",
]
