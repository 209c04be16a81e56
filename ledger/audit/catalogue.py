"""Every finding there is, read from ``catalogue.toml`` beside this: code, severity, procedure, words in two languages.

Codes are stable; a code that is dropped is never used again. ``{names}`` in the words are the finding's facts. The
page ``docs/findings.md`` is made from it (``python -m ledger.audit.catalogue > docs/findings.md``), and a test
provokes each finding.
"""

from __future__ import annotations

import enum
import sys
import tomllib
from importlib import resources
from typing import Final, NamedTuple


class Severity(enum.StrEnum):
    """How grave a finding is."""

    #: What was committed contradicts itself, the rules, or another party's signed word.
    ERROR = "error"
    #: A reader must know it before relying on the figures; honest books have some.
    WARNING = "warning"
    #: An explanation, or a fact worth a line.
    INFO = "info"

    @property
    def order(self) -> int:
        """Gravest first."""
        return list(Severity).index(self)


class Question(NamedTuple):
    """A procedure: what is asked, in English and Chinese, and of what."""

    en: str
    zh: str
    unit: str


class Entry(NamedTuple):
    """One kind of finding. ``meaning`` is the documentation's sentence: what it shows and what it does not.

    ``said`` are the facts that are sentences of the program, such as the error that a damaged value gave: a report's
    digest is not over them.
    """

    code: str
    severity: Severity
    procedure: str
    en: str
    zh: str
    meaning: str
    said: frozenset[str] = frozenset()


def _read() -> tuple[dict[str, Question], dict[str, Entry]]:
    text = resources.files("ledger.audit").joinpath("catalogue.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    procedures = {
        one["name"]: Question(one["en"], one["zh"], one.get("unit", "loans")) for one in data["procedure"]
    }
    entries: dict[str, Entry] = {}
    for one in data["finding"]:
        said = frozenset(one.pop("said", ()))
        entry = Entry(**{**one, "severity": Severity(one["severity"]), "said": said})
        if entry.code in entries or entry.procedure not in procedures:
            raise RuntimeError(f"catalogue.toml: {entry.code}")
        entries[entry.code] = entry
    return procedures, entries


#: Procedures in the order in which reports list them, and findings by code.
_READ: Final = _read()
PROCEDURES: Final = _READ[0]
CATALOGUE: Final = _READ[1]

_HEAD = """\
# Findings

Generated from `ledger/audit/catalogue.toml`; do not edit by hand
(`python -m ledger.audit.catalogue > docs/findings.md`).

An audit performs procedures and reports findings. It gives no opinion. An **error** is a contradiction: of what was
committed with itself, with the rules, or with another party's signed word. A **warning** must be known before the
figures are relied on; honest books have some. An **info** explains. What cannot be derived is *undetermined*, is
counted, and is never shown as passed.
"""


def page() -> str:
    """The whole catalogue as Markdown."""
    blocks = [_HEAD]
    for name, question in PROCEDURES.items():
        rows = [f"## {name}\n", f"{question.en} {question.zh}\n"]
        found = [entry for entry in CATALOGUE.values() if entry.procedure == name]
        if found:
            rows += ["| code | severity | says | meaning |", "|---|---|---|---|"]
            rows += [
                f"| `{one.code}` | {one.severity} | {one.en} {one.zh} | {one.meaning} |" for one in found
            ]
        blocks.append("\n".join(rows).rstrip() + "\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    sys.stdout.write(page())
