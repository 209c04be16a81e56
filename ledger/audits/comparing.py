"""Two reports of one pool, compared finding by finding.

Findings are the same where code, subject and claim are: amounts and days in them may change from one day to the next.
Where one code stands several times at one place, those with the same evidence are paired first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.audit.findings import Finding

_Place = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Findings of the second report that the first has not, of the first that the second has not, and of both
    (as the second has them); each in the order of reports.
    """

    new: tuple[Finding, ...]
    gone: tuple[Finding, ...]
    standing: tuple[Finding, ...]


def compare(first: Iterable[Finding], second: Iterable[Finding]) -> Comparison:
    """Compare the findings of two reports of one pool."""
    before: dict[_Place, list[Finding]] = defaultdict(list)
    for one in first:
        before[_place(one)].append(one)
    unpaired: list[Finding] = []
    standing: list[Finding] = []
    for one in second:
        same = next((old for old in before[_place(one)] if old.evidence == one.evidence), None)
        if same is None:
            unpaired.append(one)
        else:
            before[_place(one)].remove(same)
            standing.append(one)
    new: list[Finding] = []
    for one in unpaired:
        if before[_place(one)]:
            before[_place(one)].pop(0)
            standing.append(one)
        else:
            new.append(one)
    gone = [one for left in before.values() for one in left]
    return Comparison(new=_ordered(new), gone=_ordered(gone), standing=_ordered(standing))


def _place(finding: Finding) -> _Place:
    return finding.code, finding.subject, finding.claim


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda one: one.order))
