from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.audit.findings import Outcome
from ledger.audit.render.words import fact, filled, rank, sentence, word
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


def test_why_a_question_stays_open_is_said_in_chinese() -> None:
    found = set(reasons())
    assert len(found) > 50
    assert {reason for reason in found if sentence(reason, "zh")[1] != "zh"} == set()


@pytest.mark.parametrize(
    ("module", "calls"),
    [
        ("ledger/chain/sources.py", {"NotChecked", "UndeterminedError"}),
        ("ledger/chain/rpc.py", {"UnavailableError"}),
        ("ledger/proofs/ladder.py", {"NotChecked"}),
    ],
)
def test_what_a_chain_did_not_show_is_said_in_chinese(module: str, calls: set[str]) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    made = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and called(one) in calls]
    found = {text(given) for one in made for given in one.args[:2]}
    said = {one for one in found if " " in one}
    assert said
    assert {one for one in said if sentence(one, "zh")[1] != "zh"} == set()
    unanchored = "that the chain holds this root: size 23 of this log is not anchored: it has no anchor yet"
    assert sentence(unanchored, "zh")[0] == "链上持有该根：本日志规模 23 尚未锚定：尚无任何锚定"
    silent = "the chain node http://a:1 does not answer eth_chainId: no connection"
    assert sentence(silent, "zh")[0] == "链节点 http://a:1 未应答 eth_chainId：无法连接"


def test_what_stands_before_a_sentence_stays_before_it() -> None:
    assert sentence("data.rounding: not given, and an amount has to be rounded", "zh") == (
        "data.rounding：未说明，而金额需要取整", "zh",
    )  # fmt: skip
    assert sentence("balance: a sentence of tomorrow", "zh") == ("balance: a sentence of tomorrow", "en")


def test_what_has_no_translation_stays_as_it_is() -> None:
    assert sentence("a sentence of tomorrow", "zh") == ("a sentence of tomorrow", "en")
    assert word("figure", "by_colour", "zh") == "by colour"


def test_what_no_remittance_names_is_not_said_to_be_due_later() -> None:
    """The rules tell no day of remittance: without one, all that was collected is in this figure."""
    assert word("figure", "not_due_yet_by_holder", "en") == "After the last remittance, if any, by holder"
    assert word("figure", "not_due_yet_by_holder", "zh") == "各持有人末次划付（如有）之后"


def test_figures_stand_in_the_order_of_the_words() -> None:
    shown = sorted(("zebra", "claims", "principal", "apples", "loans"), key=lambda name: rank("figure", name))
    assert shown == ["principal", "claims", "loans", "apples", "zebra"]
    parts = sorted(("undetermined", "M2", "M1", "ended", "current"), key=lambda name: rank("part", name))
    assert parts == ["current", "M1", "M2", "ended", "undetermined"]


@pytest.mark.parametrize(
    ("name", "value", "english", "chinese"),
    [
        ("item", "days_past_due", "days past due", "逾期天数"),
        ("item", "total.collected.interest", "total of collected interest", "所收利息合计"),
        ("status", "charged_off", "charged off", "已核销"),
        ("reported", "over (code 1)", "over (code 1)", "已结束（代码 1）"),
        ("derived", "47 (M2)", "47 (M2)", "47（M2）"),
        ("applied", "principal 3.00, fee 1.00", "principal 3.00, fee 1.00", "本金 3.00，费用 1.00"),
        ("stated", "3 events, 12.00 CNY", "3 events, 12.00 CNY", "3 笔，12.00 CNY"),
        ("criterion", "not in active, settled", "none of active, settled", "不属于 active, settled"),
        ("payers", "guarantor, platform", "guarantor, platform", "担保人，平台"),
        (
            "others",
            "L1 (entry 107), L2 (entry 8) and 3 more",
            None,
            "L1（条目 107），L2（条目 8），另有 3 处",
        ),
        ("others", "platform, merchant", None, "platform, merchant"),
        ("usual", "3 of 500", None, "500 中的 3"),
        ("place", "records.digest of log_id 1, index 2", None, "records.digest（log_id 1, index 2）"),
        ("reason", "version 2 stands where 1 must", None, "版本 2 处应为版本 1"),
        ("reason", "a word of the record", None, "a word of the record"),
        ("holder", "platform", None, "platform"),
        ("count", 3, 3, 3),
    ],
)
def test_facts_are_said_in_both_languages(
    name: str, value: str | int, english: str | int | None, chinese: str | int
) -> None:
    assert fact(name, value, "en") == (value if english is None else english)
    assert fact(name, value, "zh") == chinese


def test_a_sentence_has_no_gap_between_ideographs() -> None:
    assert filled("{item} 为 {reported}", {"item": "balance", "reported": "1.00"}, "zh") == "余额为 1.00"
    assert filled("{item} is {reported}", {"item": "balance", "reported": "1.00"}, "en") == "balance is 1.00"
