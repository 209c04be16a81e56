"""Charts: round ticks around all values, every value in the table and under the pointer, text that stays text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.portal import charts
from api.portal.charts import Chart, Heat, Limit, Series
from api.portal.formats import NONE


def exact(value: Decimal | None) -> str:
    return NONE if value is None else f"{value:,f}"


def chart(*series: Series, kind: charts.Kind = "lines", **more: object) -> Chart:
    places = max((len(one.values) for one in series), default=0)
    values: dict[str, object] = {
        "title": "Outstanding", "unit": "CNY", "axis": "Month", "x": tuple(f"2026-{n + 1:02}" for n in range(places)),
        "series": series, "exact": exact, "short": lambda value: f"{value:f}", "kind": kind,
    }  # fmt: skip
    return Chart(**(values | more))  # type: ignore[arg-type]


def drawings(one: Chart) -> list[ET.Element]:
    return list(ET.fromstring(f"<all>{one.svg}</all>"))


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_ticks_are_around_all_values(a: float, b: float) -> None:
    low, high = min(a, b, 0.0), max(a, b, 0.0)
    if high - low < 1e-6:
        return
    found = list(charts.ticks(low, high))
    assert found[0] <= low + 1e-6 * (high - low)
    assert found[-1] >= high - 1e-6 * (high - low)
    assert 0.0 in found
    assert 2 <= len(found) <= 8


def test_values_stand_in_the_table_and_under_the_pointer() -> None:
    one = chart(
        Series(name="A", values=(Decimal("1234.50"), None)), Series(name="B", values=(Decimal(2), Decimal(3)))
    )
    assert one.rows == [("2026-01", ["1,234.50", "2"]), ("2026-02", ["–", "3"])]
    for drawing in drawings(one):
        tips = [hit.get("data-tip") for hit in drawing.iter("rect") if hit.get("class") == "hit"]
        assert tips == ["2026-01\nA\t1,234.50\nB\t2", "2026-02\nB\t3"]
        assert drawing.get("aria-label") == "Outstanding, CNY"


def test_no_style_and_no_markup_from_text() -> None:
    hostile = '"><script>alert(1)</script>'
    one = chart(
        Series(name=hostile, values=(Decimal(1), Decimal(2))),
        title=hostile,
        limits=(Limit(name=hostile, value=Decimal(3)),),
    )
    for kind in ("lines", "area", "stacked"):
        for drawing in drawings(chart(*one.series, kind=kind, title=hostile, limits=one.limits)):  # type: ignore[arg-type]
            assert drawing.get("aria-label", "").startswith(hostile)
            assert all(element.get("style") is None for element in drawing.iter())
            assert [element.tag for element in drawing.iter() if element.tag == "script"] == []


def test_stacked_bars_stand_upon_each_other() -> None:
    one = chart(
        Series(name="A", values=(Decimal(60),)), Series(name="B", values=(Decimal(40),)), kind="stacked"
    )
    for drawing in drawings(one):
        first, second = (rect for rect in drawing.iter("rect") if "block" in str(rect.get("class")))
        assert float(second.get("y", "")) + float(second.get("height", "")) == pytest.approx(
            float(first.get("y", "")), abs=0.02
        )
        assert float(first.get("height", "")) == pytest.approx(
            1.5 * float(second.get("height", "")), rel=0.01
        )


def test_what_is_not_over_is_dashed_and_gaps_stay_gaps() -> None:
    values = (Decimal(1), Decimal(2), None, Decimal(3), Decimal(4))
    for drawing in drawings(chart(Series(name="A", values=values), open_places=1)):
        lines = [path.get("class") for path in drawing.iter("path")]
        assert lines == ["line k1", "line open k1"]


def test_nothing_to_draw() -> None:
    assert chart(Series(name="A", values=(None, None))).empty
    assert chart().empty
    assert not chart(Series(name="A", values=(Decimal(0),))).empty


def test_colours_of_shares() -> None:
    assert [Heat.depth(Decimal(share)) for share in ("0", "0.01", "0.05", "0.3", "0.5", "1")] == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]


def test_a_bar_shows_its_limit() -> None:
    assert 'class="over"' in charts.bar(Decimal("0.5"), Decimal("0.4"))
    assert "<line" in charts.bar(Decimal("0.5"), Decimal("0.6"))
    assert "<line" not in charts.bar(Decimal("0.5"))
