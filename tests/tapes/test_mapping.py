"""The mapping itself is checked strictly: every mistake has its place and a clear reason."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ledger.errors import ConfigurationError, MalformedError
from ledger.tapes import mapping as maps
from ledger.tapes import schedule_al as al
from ledger.tapes.compile import compile_events

GOOD = """
[file]
encoding = "utf-8"
[[event]]
type = "repayment.received"
when = { column = "kind", in = ["pay"] }
id = "r:{id}"
subject = "loan:{loan}"
effective = { column = "day", date = "YYYY-MM-DD" }
currency = "CNY"
[event.data]
currency = "CNY"
amount = { column = "amount", money = "yuan" }
payer = "obligor"
applied = { principal = { column = "amount", money = "yuan" } }
"""
HEADER = ["id", "loan", "day", "amount", "kind"]


def test_the_good_one_is_good() -> None:
    (event,) = compile_events(maps.load("good", GOOD), HEADER)
    assert event.type == "repayment.received"


#: (text in the good mapping, what stands for it, what the message says)
FAULTS = [
    ("[[event]]", "[[event]", "no valid TOML"),
    ('encoding = "utf-8"', 'encoding = "latin-1"', r"file\.encoding"),
    ('encoding = "utf-8"', 'encodng = "utf-8"', "unknown field `encodng`"),
    ('encoding = "utf-8"', 'delimiter = ""', r"file\.delimiter"),
    ('encoding = "utf-8"', 'delimiter = "||"', "works only without quoting"),
    ('encoding = "utf-8"', "quote = '||'", r"file\.quote"),
    ('encoding = "utf-8"', "header = false", "names the columns where header = false"),
    ('encoding = "utf-8"', 'columns = ["a"]', "names the columns where header = false"),
    ('encoding = "utf-8"', 'header = false\ncolumns = ["a", "a"]', "names a column twice"),
    ('encoding = "utf-8"', "skip_lines = -1", r"file\.skip_lines"),
    ('encoding = "utf-8"', 'footers = [""]', "match every row"),
    ('encoding = "utf-8"', 'decimal = "x"', "decimal is"),
    ('encoding = "utf-8"', 'thousands = "."', "thousands is one character other than decimal"),
    (
        'type = "repayment.received"',
        'type = "repayment"',
        "unknown event type; there are .*repayment.received",
    ),
    ('type = "repayment.received"', "", "missing required field `type`"),
    (', in = ["pay"]', "", "has none of in, not_in, empty"),
    ('in = ["pay"]', 'is = "pay"', "unknown field `is`"),
    ('"r:{id}"', '"r:{id"', r"a placeholder is \{column\}"),
    ('"r:{id}"', '"r:{id|sha}"', 'unknown filter "sha"; there are digits, hash, short'),
    ('"r:{id}"', '"r:{@number}"', "there is no @number; built in are"),
    ('date = "YYYY-MM-DD"', 'date = "%Y-%m-%d"', "a date pattern names YYYY"),
    ('money = "yuan"', 'money = "cent"', "money is one of fen, major, minor, yuan"),
    ('money = "yuan"', 'money = "yuan", integer = true', "exclude each other"),
    ('money = "yuan"', 'money = "yuan", template = "x"', "one of column, template and rest"),
    ('money = "yuan"', 'money = "yuan", unit = "x"', "unknown field `unit`"),
    ('money = "yuan"', "days = 360", "days goes with rate only"),
    ('money = "yuan"', 'rate = "daily_percent"', "days .360 or 365. stands beside a daily rate"),
    ('money = "yuan"', 'rate = "weekly"', "rate is one of"),
    ('money = "yuan"', 'default = "x"', "default goes with map only"),
    ('money = "yuan"', "negate = true", "negate goes with money, integer or decimal"),
    ('money = "yuan"', 'share = "half"', "share is one of"),
    ('money = "yuan"', 'omit = ["x"]', "omit goes with rest only"),
    ('currency = "CNY"\n[event.data]', "[event.data]", "money needs the event's currency"),
    ('currency = "CNY"\n[event.data]', 'currency = "RMB"\n[event.data]', "not an active ISO 4217"),
    ('payer = "obligor"', "payer = 1.5", "a constant is text, a whole number or true/false"),
    ('payer = "obligor"', "payer = 2026-07-01", "a constant is text, a whole number or true/false"),
    ('payer = "obligor"', 'payor = "obligor"', "repayment.received has no member payor; it has .*payer"),
    (
        'date = "YYYY-MM-DD"',
        'date = "YYYY-MM-DD", optional = true',
        "effective: is a constant or a leaf, and never",
    ),
    (
        'currency = "CNY"\n[event.data]',
        'currency = { column = "kind", optional = true }\n[event.data]',
        "never optional",
    ),
    ('id = "r:{id}"', 'party = "a b"\nid = "r:{id}"', "party is 1 to 64"),
]


@pytest.mark.parametrize(("old", "new", "message"), FAULTS, ids=[f"{n}" for n in range(len(FAULTS))])
def test_a_faulty_mapping_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=message) as caught:
        compile_events(maps.load("m.toml", GOOD.replace(old, new, 1)), HEADER)
    assert str(caught.value).startswith("mapping")


def test_a_fault_names_the_event_and_the_member() -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_events(maps.load("m.toml", GOOD.replace('money = "yuan" } }', 'money = "x" } }')), HEADER)
    assert str(caught.value).startswith(
        "mapping: event 1 (repayment.received): data.applied.principal: money is one of"
    )


def test_a_mapping_without_events_does_nothing_and_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="event"):
        maps.load("m.toml", 'title = "nothing"\nevent = []\n')


def test_a_missing_mapping_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such mapping"):
        maps.load(tmp_path / "none.toml")
    (tmp_path / "gbk.toml").write_bytes("# 贷款".encode("gbk"))
    with pytest.raises(ConfigurationError, match="cannot read mapping"):
        maps.load(tmp_path / "gbk.toml")


def test_missing_columns_are_all_named_with_what_the_header_reads() -> None:
    with pytest.raises(MalformedError, match='no column "amount", "kind"; it reads "id, loan, day, Amount"'):
        compile_events(maps.load("good", GOOD), ["id", "loan", "day", "Amount"])


def test_rest_may_omit_only_what_is_there() -> None:
    text = GOOD.replace('payer = "obligor"', 'payer = "obligor"\nchannel = { rest = true, omit = ["nom"] }')
    with pytest.raises(ConfigurationError, match="omit names nom"):
        compile_events(maps.load("m", text), HEADER)


GUIDE = (Path(__file__).parent.parent.parent / "docs" / "guides" / "import.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", [maps.FileForm, maps.EventForm, maps.Condition, maps.LeafForm])
def test_the_guide_names_every_key_of_a_mapping(form: type[msgspec.Struct]) -> None:
    missing = [
        field.encode_name
        for field in msgspec.structs.fields(form)
        if f"`{field.encode_name}`" not in GUIDE
        and f"{field.encode_name} = " not in GUIDE
        and f"[event.{field.encode_name}]" not in GUIDE
        and f"{{ {field.encode_name}," not in GUIDE
    ]
    assert missing == []


def test_the_guide_names_every_code_and_built_in_name() -> None:
    for code, reason in al.SETTLED_REASONS.items():
        assert any(line.startswith(f"| {code} |") and f"`{reason}`" in line for line in GUIDE.splitlines())
    assert all(f"`{name}`" in GUIDE for name in maps.BUILT_IN)
