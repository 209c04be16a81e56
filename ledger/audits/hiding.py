"""A report as one reader may see it: names of what lies outside of the pool, and that it may not know, are hidden."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ledger.access import View
    from ledger.audit.findings import Finding
    from ledger.audit.report import AuditReport

#: Stands for the name of something that a reader may not see; the same in every language.
HIDDEN: Final = "***"
#: The fact of findings that names what lies outside of the pool, and how a loan is named in it.
_OUTSIDE: Final = "others"
_LOAN: Final = re.compile(r"(\S+) \(entry \d+\)( and \d+ more)?")


def cut(whole: AuditReport, view: View) -> AuditReport:
    """A report without the names that a reader may not know; the same object where there is none."""
    sees = cache(partial(_sees, view))
    found = tuple(hide(one, sees) for one in whole.findings)
    if found == whole.findings:
        return whole
    words = (*whole.sees, f"names of what this reader may not see are hidden: {HIDDEN}")
    return replace(whole, findings=found, sees=words)


def hide(finding: Finding, sees: Callable[[str, str], bool]) -> Finding:
    """A finding with the names that ``sees`` (code, name) does not allow hidden."""
    named = finding.facts.get(_OUTSIDE)
    if not isinstance(named, str):
        return finding
    shown = ", ".join(one if sees(finding.code, one) else HIDDEN for one in named.split(", "))
    return replace(finding, facts={**finding.facts, _OUTSIDE: shown})


def _sees(view: View, code: str, name: str) -> bool:
    """Whether a reader may know a name: of a holder, or of a loan."""
    if code == "pledge.moved_between":
        return view.is_party(name)
    loan = _LOAN.fullmatch(name)
    return loan is not None and view.sees_loan(loan[1])
