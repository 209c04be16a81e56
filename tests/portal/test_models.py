"""What pages are made of: proofs that lead to the root, verdicts that say no more than an audit, lists in pieces."""

from __future__ import annotations

import copy
import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.portal import drawings
from api.portal.charts import Heat
from api.portal.models import pool_charts
from api.portal.models.figures import Figures, of
from api.portal.models.ladder import Reach, of_log
from api.portal.models.records import path_of
from api.portal.models.verdict import verdict
from api.portal.words import Words
from ledger import loanlist, snapshots
from ledger.loanlist import Filter
from ledger.proofs import merkle
from ledger.store import audits, logs, subjects
from tests.portal.conftest import Portal


@given(st.integers(1, 70), st.data())
def test_a_drawn_proof_leads_from_the_leaf_to_the_root(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
    root = merkle.root(leaves)
    path = path_of(index, size, leaves[index], merkle.inclusion_proof(leaves, index), root)
    assert path.nodes[0] == leaves[index].hex()
    assert path.nodes[-1] == root.hex()
    covered = [n for one in path.siblings for n in range(one.first, one.last + 1)]
    assert sorted([*covered, index]) == list(range(size))  # each entry is in the way or beside it, once
    assert all(one.left == (one.last < index) for one in path.siblings)
    drawn = drawings.tree_path(
        path, title='"><b>', entries="entries {first}–{last}", leaf="leaf", root="root"
    )
    for svg in ET.fromstring(f"<all>{drawn}</all>"):
        assert svg.get("aria-label") == '"><b>'
        assert len(list(svg.iter("rect"))) == len(path.nodes) + len(path.siblings)


@pytest.fixture(scope="module")
def figures(portal: Portal) -> Figures:
    found = snapshots.newest(portal.book.ledger, "WAREHOUSE-B")
    assert found is not None
    return of(found)[0]


def test_what_is_past_due_follows_the_buckets_of_the_pool(figures: Figures) -> None:
    assert figures.month is not None
    shares = {name: Decimal(one["share"]) for name, one in figures.month["buckets"].items()}
    assert figures.past_due(0) == sum(shares[name] for name in ("M1", "M2", "M3", "M3+"))
    assert figures.past_due(30) == sum(shares[name] for name in ("M2", "M3", "M3+"))
    assert figures.past_due(90) == shares["M3+"]
    assert figures.past_due(45) is None  # no bucket ends there


def test_what_nobody_can_tell_is_not_shown_as_not_late(figures: Figures) -> None:
    def told(untold: str, late: str) -> Figures:
        document = copy.deepcopy(figures.document)
        for one in document["analytics"]["currencies"].values():
            last = one["months"][-1]["buckets"]
            for bucket in last.values():
                bucket["share"] = "0"
            last["M2"]["share"] = late
            last["undetermined"] = last["M1"] | {"claims": 1, "share": untold}
        return replace(figures, document=document)

    some = told("0.25", "0.5")
    assert (some.untold, some.past_due(0), some.past_due(30)) == (
        Decimal("0.25"),
        Decimal("0.5"),
        Decimal("0.5"),
    )
    nothing = told("1", "0")
    assert (nothing.untold, nothing.past_due(0), nothing.past_due(30)) == (1, None, None)
    assert figures.untold == 0
    assert [one.name for one in pool_charts.delinquency(figures, Words("en")).series] == [
        "M1",
        "M2",
        "M3",
        "M3+",
    ]
    drawn = pool_charts.delinquency(some, Words("en")).series[-1]
    assert (drawn.name, drawn.values[-1], drawn.tone) == ("Undetermined", Decimal("0.25"), "m5")


def test_a_pool_without_months_has_no_shares(figures: Figures) -> None:
    empty = Figures(
        pool="X", title="", size=1, made="2026-01-01T00:00:00Z", as_of="2026-01-01", currency="USD",
        document=figures.document,
    )  # fmt: skip
    assert (empty.outstanding, empty.month, empty.past_due(0)) == ("0.00", None, None)
    assert (empty.growth, empty.base, empty.limits, empty.parts("product")) == (None, None, (), ())
    assert pool_charts.rolls(empty, Words("en")).rows == ()
    assert pool_charts.outstanding(empty, Words("zh")).empty


def test_roll_rates_are_those_of_the_newest_month_that_is_over(figures: Figures) -> None:
    heat = pool_charts.rolls(figures, Words("en"))
    assert isinstance(heat, Heat)
    assert figures.over is not None
    assert figures.over["month"] in heat.unit
    rolls = figures.over["rolls"]
    assert len(heat.rows) == sum(name in rolls for name in pool_charts.buckets_of(figures))
    for _, cells in heat.rows:
        shares = [Decimal(cell.exact.split(" ")[0]) for cell in cells if cell is not None]
        assert sum(shares) == pytest.approx(1, abs=1e-6)
    worse = {cell.direction for _, cells in heat.rows for cell in cells if cell is not None}
    assert worse <= {"same", "better", "worse"}


@pytest.mark.parametrize(
    ("counts", "undetermined", "tone", "says"),
    [
        (
            {"error": 2, "warning": 1, "info": 0},
            3,
            "bad",
            "Errors: 2; warnings: 1; procedures undetermined: 3",
        ),
        (
            {"error": 0, "warning": 4, "info": 9},
            1,
            "warn",
            "Procedures undetermined: 1; warnings to know of: 4",
        ),
        ({"error": 0, "warning": 4, "info": 9}, 0, "good", "none found a contradiction"),
    ],
)
def test_a_verdict_says_what_the_audit_does(
    portal: Portal, figures: Figures, counts: dict[str, int], undetermined: int, tone: str, says: str
) -> None:
    ledger = portal.book.ledger
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        row = audits.newest(connection, log.id, "WAREHOUSE-B", finished=True)
    assert row is not None
    assert row.summary is not None
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__slots__}
    made = audits.AuditRow(
        **values | {"summary": row.summary | {"counts": counts, "undetermined": undetermined}}
    )
    found = verdict(log, figures, made, Words("en"))
    assert (found.tone, says in found.says) == (tone, True), found.says
    nothing = verdict(log, None, None, Words("en"))
    assert (nothing.tone, nothing.audited, nothing.short) == ("plain", None, "not audited")
    assert found.short != nothing.short
    assert nothing.says.startswith("Not audited yet")


def test_the_list_of_loans_in_pieces_is_the_whole_list(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = portal.book.ledger
    whole = loanlist.page(ledger, "WAREHOUSE-B", Filter(), after="")
    assert whole.after is None
    monkeypatch.setattr(loanlist, "PAGE", 3)
    monkeypatch.setattr(loanlist, "MOST_EXAMINED", 5)

    def pieces(wanted: Filter) -> Iterator[loanlist.Row]:
        after: str | None = ""
        while after is not None:
            piece = loanlist.page(ledger, "WAREHOUSE-B", wanted, after=after)
            assert len(piece.rows) <= 3
            yield from piece.rows
            after = piece.after

    assert tuple(pieces(Filter())) == whole.rows
    late = [one for one in whole.rows if one.days_past_due]
    assert list(pieces(Filter(min_days=1))) == late != []
    assert list(pieces(Filter(status="cancelled"))) == []
    choices = loanlist.choices(ledger, "WAREHOUSE-B")
    assert choices.buckets == ("current", "M1", "M2", "M3", "M3+", "undetermined")
    assert choices.holders == ("fund-b",)
    parts = [list(pieces(Filter(bucket=bucket))) for bucket in choices.buckets]
    assert sum(map(len, parts)) == sum(one.bucket != "" for one in whole.rows)
    for bucket, rows in zip(choices.buckets, parts, strict=True):
        assert rows == [one for one in whole.rows if one.bucket == bucket]
    for days in (0, 1, 31, 10_000):
        expected = [one for one in whole.rows if one.days_past_due is not None and one.days_past_due >= days]
        assert list(pieces(Filter(min_days=days, holder="fund-b"))) == expected
    for status in loanlist.STATUSES:
        fitting = [one for one in whole.rows if one.status == status and one.bucket == "M1"]
        assert list(pieces(Filter(status=status, bucket="M1"))) == fitting
    assert [one.name for one in pieces(Filter(name=whole.rows[4].name))] == [whole.rows[4].name]
    with ledger.store.read() as connection:
        log_id = logs.get(connection, ledger.origin).id
        pool = subjects.by_name(connection, log_id, ["pool:WAREHOUSE-B"])["pool:WAREHOUSE-B"]
        for prefix in ("loan:%", "loan:_", "loan:L0000000_"):
            assert subjects.loans_held(connection, log_id, pool.id, after="", prefix=prefix, limit=9) == []


def test_a_log_that_is_nowhere_yet() -> None:
    nothing = Reach(
        size=0,
        published=0,
        published_at=None,
        cosigned=0,
        anchored=0,
        anchored_at=None,
        final=0,
        final_at=None,
    )
    assert [step.reached for step in of_log(nothing, None)] == [False] * 6
    some = Reach(
        size=9, published=7, published_at="2026-01-01T00:00:00Z", cosigned=0, anchored=5, anchored_at=None,
        final=3, final_at=None,
    )  # fmt: skip
    assert [some.state_of(index) for index in (2, 4, 6, 8)] == ["final", "anchored", "published", "included"]
