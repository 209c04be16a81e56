from __future__ import annotations

import re
from pathlib import Path

import pytest

import ledger.cli
from ledger.batches import Account
from ledger.cli.batches import lines
from ledger.counts import counted, noun

CLI = Path(ledger.cli.__path__[0])
SOURCES = [*sorted(CLI.glob("*.py")), CLI.parent / "doctor.py"]


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (12_345, "12,345 entries")]
)
def test_one_is_said_in_the_singular(count: int, said: str) -> None:
    assert counted(count, "entry", "entries") == said
    assert noun(count, "claim") == ("claim" if count == 1 else "claims")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.parent.name + path.stem)
def test_no_count_has_its_word_fixed(path: Path) -> None:
    """A number that is put before a word in the plural is said of one as well: ``counted`` knows both."""
    nouns = (
        "anchors|attempts|breaks|checkpoints|claims|days|documents|entries|events|files|lines|loans|pools|receipts|"
        "records|registers|rejects|rows|tables|times"
    )
    found = re.findall(
        rf"\{{[^{{}}]+\}} (?:evidence |more |seasoned )?(?:{nouns})\b", path.read_text(encoding="utf-8")
    )
    # Limits, which are never one.
    assert [one for one in found if not re.match(r"\{(MAX_|funds\.LOW_)", one)] == []


def test_one_event_has_one_entry() -> None:
    account = Account(accepted=1, repeated=1, first_index=11, last_index=11)
    assert lines(account, dry_run=False) == ["1 event accepted, entry 11; 1 was there before; 0 refused"]
