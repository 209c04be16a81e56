"""Audits as runs: asked for, worked on by a job, kept with their reports, compared with each other.

A run is a job of kind ``audit`` (:mod:`ledger.jobs`) with a row of its own that stays. Who sees a pool may see its
runs; nothing here asks who that is. A run sees every record of the log, so findings name loans and holders that a
partner in the pool may not know of: whoever shows them gives the reader's :class:`ledger.access.View`, and such names
stand as :data:`HIDDEN`.
"""

from ledger.audits.comparing import Comparison, compare
from ledger.audits.hiding import HIDDEN
from ledger.audits.performing import Auditor
from ledger.audits.runs import KIND, findings, get, latest, listed, report, report_file, start

__all__ = [
    "HIDDEN",
    "KIND",
    "Auditor",
    "Comparison",
    "compare",
    "findings",
    "get",
    "latest",
    "listed",
    "report",
    "report_file",
    "start",
]
