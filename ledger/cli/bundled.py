"""``poolproof verify`` of a file with many receipts, one a line: each is verified, none is kept in memory."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.counts import counted
from ledger.errors import (
    ConfigurationError,
    MalformedError,
    PoolproofError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)
from ledger.proofs.documents import MAX_DOCUMENT
from ledger.proofs.verify import verify_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.proofs.trust import TrustRoot
    from ledger.proofs.verdict import AnchorSource, AnchorView, Level, NotChecked, Verdict

#: Lines that are shown with what is wrong; the others are counted.
MOST_SHOWN: Final = 20


class Problem(NamedTuple):
    """A line that does not verify; counted from 1."""

    line: int
    error: PoolproofError

    def to_json(self) -> dict[str, Any]:
        """With the step that failed, where one did."""
        step = self.error.step if isinstance(self.error, VerificationError) else None
        return {"line": self.line, "code": self.error.code, "step": step, "reason": str(self.error)}


@dataclass(slots=True)
class Summary:
    """What came of all lines. ``levels`` counts those that verify by the highest level shown, None for promises."""

    lines: int = 0
    levels: Counter[str | None] = field(default_factory=Counter)
    invalid: int = 0
    undetermined: int = 0
    problems: list[Problem] = field(default_factory=list)
    not_checked: dict[str, NotChecked] = field(default_factory=dict)
    warnings: Counter[str] = field(default_factory=Counter)

    @property
    def verified(self) -> int:
        """How many do."""
        return sum(self.levels.values())

    @property
    def exit_code(self) -> int:
        """1 where one is proved invalid, 3 where one could not be decided, else 0."""
        return 1 if self.invalid else 3 if self.undetermined else 0


class Remembered:
    """Anchors asked for once: the receipts of a pool stand under few sizes."""

    def __init__(self, source: AnchorSource) -> None:
        self._source = source
        self._known: dict[int, AnchorView] = {}

    def root_at(self, size: int) -> AnchorView:
        """See :class:`~ledger.proofs.verdict.AnchorSource`; what cannot be told is asked again."""
        if size not in self._known:
            self._known[size] = self._source.root_at(size)
        return self._known[size]


def is_bundle(file: Path) -> bool:
    """Whether a whole document stands in its first line and something behind it.

    A single file ends with its first line; one that was edited to have two is no bundle and fails as one document.
    """
    try:
        with file.open("rb") as lines:
            first = lines.readline(MAX_DOCUMENT + 1)
            if not lines.readline(1).strip():
                return False
        return isinstance(json.loads(first), dict)
    except (OSError, ValueError):
        return False


def verify_lines(
    file: Path,
    trust: TrustRoot,
    *,
    anchors: AnchorSource | None,
    require: Level | None,
    progress: Callable[[int, int], None],
) -> Summary:
    """Verify each line by itself; never raises for a line."""
    source = None if anchors is None else Remembered(anchors)
    found, total = Summary(), file.stat().st_size
    done = 0
    for line in _lines(file):
        found.lines += 1
        done += len(line)
        try:
            verdict = _verify(trust, line, source, require)
        except (VerificationError, MalformedError) as error:
            found.invalid += 1
            _keep(found, error)
        except (UndeterminedError, UnavailableError, ConfigurationError) as error:
            found.undetermined += 1
            _keep(found, error)
        else:
            found.levels[None if verdict.level is None else str(verdict.level)] += 1
            found.not_checked |= {one.name: one for one in verdict.not_checked}
            found.warnings.update(verdict.warnings)
        progress(done, total)
    return found


def _verify(trust: TrustRoot, line: bytes, anchors: AnchorSource | None, require: Level | None) -> Verdict:
    if len(line) > MAX_DOCUMENT:
        raise MalformedError("file", f"longer than {MAX_DOCUMENT} bytes")
    return verify_file(trust, line, anchors=anchors, require=require)


def _lines(file: Path) -> Iterator[bytes]:
    """The lines with their newlines; an endless one comes in pieces, each too long to be read."""
    with file.open("rb") as opened:
        while line := opened.readline(MAX_DOCUMENT + 2):
            yield line


def _keep(found: Summary, error: PoolproofError) -> None:
    if len(found.problems) < MOST_SHOWN:
        found.problems.append(Problem(found.lines, error))


def document(file: Path, trust: TrustRoot, found: Summary) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "verified": found.exit_code == 0,
        "kind": "bundle",
        "file": str(file),
        "origin": trust.origin,
        "trust_root": trust.fingerprint,
        "count": found.lines,
        "valid": found.verified,
        "invalid": found.invalid,
        "undetermined": found.undetermined,
        "levels": {level or "promise": count for level, count in found.levels.items()},
        "problems": [one.to_json() for one in found.problems],
        "not_checked": [one.to_json() for one in found.not_checked.values()],
        "warnings": dict(found.warnings),
    }


def lines_of(file: Path, trust: TrustRoot, found: Summary) -> list[str]:
    """The same to read."""
    lines = [f"{file}: {counted(found.lines, 'document')} of {trust.origin}", ""]
    lines += [
        f"  ok  {count:,} {level or 'promised'}" for level, count in sorted(found.levels.items(), key=str)
    ]
    for one in found.problems:
        step = f" at step {one.error.step}" if isinstance(one.error, VerificationError) else ""
        lines.append(f"  !!  line {one.line}{step}: {one.error}")
    more = found.invalid + found.undetermined - len(found.problems)
    if more:
        lines.append(f"  !!  and {more:,} more")
    lines += [f"  !   {counted(count, 'time')}: {text}" for text, count in found.warnings.items()]
    lines += [f"  --  not checked: {one.says}" for one in found.not_checked.values()]
    word = {0: "VERIFIED", 1: "NOT VERIFIED", 3: "UNDETERMINED"}[found.exit_code]
    counts = f"{found.verified:,} valid, {found.invalid:,} invalid, {found.undetermined:,} undetermined"
    return [*lines, "", f"{word}: {counts}", f"trust root {trust.fingerprint}"]
