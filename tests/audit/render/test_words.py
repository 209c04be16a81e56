from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

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


ROOT = Path(__file__).parents[3]
UNDECIDED = {"undecided", "_undecided", "UndeterminedError"}


def reasons() -> Iterator[str]:
    """Why a question stays open, as the sources say it: what is handed to ``undecided`` or ``UndeterminedError``.

    In modules that decide such a thing all sentences with a private name are taken for reasons: they are handed on.
    """
    for folder in ("ledger/audit", "ledger/domain"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and called(one) in UNDECIDED]
            found = [text(given) for one in calls for given in one.args[:2]]
            if found:
                named = (one for one in tree.body if isinstance(one, ast.AnnAssign))
                found += [text(one.value) for one in named if ast.unparse(one.target).startswith("_")]
            yield from (one for one in found if " " in one and one != "X: X")


def called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def text(node: ast.expr | None) -> str:
    """A string, with X for what is put into it; nothing for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
    return ""


@pytest.mark.parametrize("reason", sorted(set(reasons())))
def test_why_a_question_stays_open_is_said_in_chinese(reason: str) -> None:
    assert sentence(reason, "zh")[1] == "zh"


def test_what_stands_before_a_sentence_stays_before_it() -> None:
    assert sentence("data.rounding: not given, and an amount has to be rounded", "zh") == (
        "data.rounding：未说明，而金额需要取整", "zh",
    )  # fmt: skip
    assert sentence("balance: a sentence of tomorrow", "zh") == ("balance: a sentence of tomorrow", "en")


def test_what_has_no_translation_stays_as_it_is() -> None:
    assert sentence("a sentence of tomorrow", "zh") == ("a sentence of tomorrow", "en")
    assert word("figure", "by_colour", "zh") == "by colour"


def test_figures_stand_in_the_order_of_the_words() -> None:
    shown = sorted(("zebra", "claims", "principal", "apples", "loans"), key=lambda name: rank("figure", name))
    assert shown == ["principal", "claims", "loans", "apples", "zebra"]
    parts = sorted(("undetermined", "M2", "M1", "ended", "current"), key=lambda name: rank("part", name))
    assert parts == ["current", "M1", "M2", "ended", "undetermined"]
