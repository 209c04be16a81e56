from __future__ import annotations

import pytest

from ledger.audit.findings import Outcome
from ledger.audit.render.words import rank, sentence, word
from ledger.proofs import caveats
from ledger.proofs.trust import GRADES
from ledger.proofs.verdict import Level


@pytest.mark.parametrize("section", ["outcome", "level", "grade"])
def test_every_value_of_the_model_has_a_word(section: str) -> None:
    values = {"outcome": list(Outcome), "level": [str(one) for one in Level], "grade": list(GRADES)}[section]
    for value in values:
        assert word(section, value, "zh") != word(section, value, "en")


def test_what_every_verdict_leaves_open_is_said_in_chinese() -> None:
    for one in (
        *caveats.ALWAYS,
        caveats.NO_WITNESS,
        caveats.SEASONED,
        caveats.no_anchor("no node was asked"),
    ):
        assert sentence(one.says, "zh")[1] == "zh", one.says
        assert sentence(one.says, "en") == (one.says, "en")


def test_what_has_no_translation_stays_as_it_is() -> None:
    assert sentence("a sentence of tomorrow", "zh") == ("a sentence of tomorrow", "en")
    assert word("figure", "by_colour", "zh") == "by colour"


def test_figures_stand_in_the_order_of_the_words() -> None:
    shown = sorted(("zebra", "claims", "principal", "apples", "loans"), key=lambda name: rank("figure", name))
    assert shown == ["principal", "claims", "loans", "apples", "zebra"]
    parts = sorted(("undetermined", "M2", "M1", "ended", "current"), key=lambda name: rank("part", name))
    assert parts == ["current", "M1", "M2", "ended", "undetermined"]
