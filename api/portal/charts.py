"""Charts as inline SVG, drawn here: lines, areas and stacked bars, each with the table of its values beside it.

A :class:`Chart` is drawn twice, for a wide and for a narrow page, so that letters have the same size on both; a style
sheet shows one of them. Colours are classes (``k1`` … by place, ``m0`` … for delinquency buckets, ``v1`` … for
vintages), never attributes, so that the policy of pages holds and both themes are served. Each place on the x axis is a
strip with ``data-tip``, which a script shows under the pointer.

Values are exact decimals and are written exactly in tips and tables; only their places on the canvas are floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from markupsafe import Markup

Kind = Literal["lines", "area", "stacked"]
#: About how many lines a grid has; more would say no more.
_TICKS: Final = 4
#: Pixels that a letter of an axis takes, about; digits are narrower, Chinese characters wider.
_LETTER: Final = 6.6
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line, or a layer of bars. ``values`` are by place on the x axis; None where there is none.

    ``tone`` is its colour class; by default that of its place.
    """

    name: str
    values: tuple[Decimal | None, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bound drawn across the chart."""

    name: str
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn and what the table beside it says. ``x`` are the labels of places, ``axis`` what they are.

    ``exact`` writes a value in tips and tables, ``short`` at the y axis. The last ``open_places`` places are not over
    yet: lines lead to them dashed. ``least`` is how far the y axis reaches where all values are zero.
    """

    title: str
    unit: str
    axis: str
    x: tuple[str, ...]
    series: tuple[Series, ...]
    exact: Callable[[Decimal | None], str]
    short: Callable[[Decimal], str]
    kind: Kind = "lines"
    limits: tuple[Limit, ...] = ()
    open_places: int = 0
    least: Decimal = Decimal(1)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value is not None for one in self.series for value in one.values)

    @property
    def legend(self) -> list[tuple[str, str]]:
        """(colour class, name) of each series."""
        return [(self.tone(at), one.name) for at, one in enumerate(self.series)]

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table: a place, and the value of each series there."""
        return [
            (label, [self.exact(self._at(one, place)) for one in self.series])
            for place, label in enumerate(self.x)
        ]

    @property
    def svg(self) -> Markup:
        """Both drawings."""
        return Markup("").join(
            _Drawing(self, width, height, name).markup()
            for name, width, height in (("wide", 640, 260), ("narrow", 330, 230))
        )

    def tone(self, at: int) -> str:
        """The colour class of a series."""
        return self.series[at].tone or f"k{at % 6 + 1}"

    def tip(self, place: int) -> str:
        """What is shown under the pointer: a heading, then name and value of each series that has one."""
        lines = [self.x[place]]
        for one in self.series:
            value = self._at(one, place)
            if value is not None:
                lines.append(f"{one.name}\t{self.exact(value)}")
        return "\n".join(lines)

    @staticmethod
    def _at(one: Series, place: int) -> Decimal | None:
        return one.values[place] if place < len(one.values) else None


class _Drawing:
    """One canvas of one size."""

    def __init__(self, chart: Chart, width: int, height: int, name: str) -> None:
        self.chart, self.width, self.height, self.name = chart, width, height, name
        low, high = self._range()
        self.ticks = list(ticks(low, high))
        self.low, self.high = min(low, self.ticks[0]), max(high, self.ticks[-1])
        labels = [chart.short(Decimal(repr(tick))) for tick in self.ticks]
        self.left = 10 + max(_width(label) for label in labels)
        self.right, self.top, self.bottom = 8.0, 12.0, 24.0
        self.labels = labels
        self.count = max(1, len(chart.x))

    def _range(self) -> tuple[float, float]:
        chart = self.chart
        if chart.kind == "stacked":
            values = [
                float(sum((one.values[place] or Decimal(0) for one in chart.series if place < len(one.values)),
                          Decimal(0)))
                for place in range(len(chart.x))
            ]  # fmt: skip
        else:
            values = [float(value) for one in chart.series for value in one.values if value is not None]
        values += [float(limit.value) for limit in chart.limits]
        low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
        return (low, max(high, float(chart.least))) if high <= 0.0 <= low else (low, high)

    # -- places ------------------------------------------------------------------------------------------------

    def x(self, place: int) -> float:
        """The middle of a place."""
        return self.left + (place + 0.5) * self.step

    @property
    def step(self) -> float:
        """The width of a place."""
        return (self.width - self.left - self.right) / self.count

    def y(self, value: float) -> float:
        """The height of a value."""
        inside = self.height - self.top - self.bottom
        return self.top + (self.high - value) / (self.high - self.low) * inside

    # -- parts -------------------------------------------------------------------------------------------------

    def markup(self) -> Markup:
        """The whole drawing."""
        chart = self.chart
        body = self._stack() if chart.kind == "stacked" else self._lines()
        return Markup(
            '<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
        ).format(
            self.name, self.width, self.height, f"{chart.title}, {chart.unit}",
            Markup("").join([*self._grid(), *body, *self._limits(), *self._hits()]),
        )  # fmt: skip

    def _grid(self) -> Iterator[Markup]:
        for tick, label in zip(self.ticks, self.labels, strict=True):
            y = self.y(tick)
            css = "axis" if tick == 0 else "gridline"
            yield _line(css, self.left, y, self.width - self.right, y)
            yield _text(self.left - 6, y + 4, label, "end")
        every = max(
            1, math.ceil(max((_width(label) for label in self.chart.x), default=1.0) * 1.25 / self.step)
        )
        for place in range(len(self.chart.x) - 1, -1, -every):
            yield _text(self.x(place), self.height - 6, self.chart.x[place], "middle")

    def _lines(self) -> Iterator[Markup]:
        chart = self.chart
        over = len(chart.x) - chart.open_places
        for at, one in enumerate(chart.series):
            tone = chart.tone(at)
            for run in _runs(one.values):
                points = [(self.x(place), self.y(float(value))) for place, value in run]
                if chart.kind == "area":
                    yield self._area(points, tone)
                solid = [point for point, (place, _) in zip(points, run, strict=True) if place < over]
                if len(solid) > 1:
                    yield _path(f"line {tone}", solid)
                if len(solid) < len(points):
                    yield _path(f"line open {tone}", points[max(0, len(solid) - 1) :])
                if len(points) == 1:
                    yield Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(
                        tone, *points[0]
                    )

    def _area(self, points: Sequence[tuple[float, float]], tone: str) -> Markup:
        base = self.y(0.0)
        closed = [(points[0][0], base), *points, (points[-1][0], base)]
        return Markup('<path class="area {}" d="{}Z"/>').format(tone, _way(closed))

    def _stack(self) -> Iterator[Markup]:
        chart = self.chart
        wide = min(self.step * 0.72, 44.0)
        for place in range(len(chart.x)):
            above = 0.0
            for at, one in enumerate(chart.series):
                value = float(one.values[place] or 0) if place < len(one.values) else 0.0
                if value <= 0:
                    continue
                top, bottom = self.y(above + value), self.y(above)
                above += value
                yield Markup(
                    '<rect class="block {}" x="{:.1f}" y="{:.2f}" width="{:.1f}" height="{:.2f}"/>'
                ).format(chart.tone(at), self.x(place) - wide / 2, top, wide, bottom - top)

    def _limits(self) -> Iterator[Markup]:
        for limit in self.chart.limits:
            y = self.y(float(limit.value))
            yield _line("limit", self.left, y, self.width - self.right, y)
            yield _text(self.width - self.right, y - 5, limit.name, "end")

    def _hits(self) -> Iterator[Markup]:
        for place in range(len(self.chart.x)):
            yield Markup(
                '<rect class="hit" x="{:.1f}" y="{}" width="{:.1f}" height="{:.1f}" data-tip="{}"/>'
            ).format(
                self.x(place) - self.step / 2, self.top, self.step, self.height - self.top - self.bottom,
                _kept(self.chart.tip(place)),
            )  # fmt: skip


def ticks(low: float, high: float) -> Iterator[float]:
    """Round values from at most ``low`` to at least ``high``, zero among them."""
    rough = (high - low) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * one for one in _STEPS if size * one >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    for n in range(first, last + 1):
        yield round(n * step, 12)


def _runs(values: Sequence[Decimal | None]) -> Iterator[list[tuple[int, Decimal]]]:
    """Places with values, in pieces without a gap."""
    run: list[tuple[int, Decimal]] = []
    for place, value in enumerate(values):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _width(label: str) -> float:
    return sum(_LETTER if one.isascii() else 1.8 * _LETTER for one in label)


def _kept(text: str) -> Markup:
    """Text in an attribute with its tabs and line ends, which parsers of XML would make spaces."""
    lines = (Markup("&#9;").join(line.split("\t")) for line in text.split("\n"))
    return Markup("&#10;").join(lines)


def _way(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.2f}" for x, y in points)


def _path(css: str, points: Sequence[tuple[float, float]]) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(css, _way(points))


def _line(css: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        css, x1, y1, x2, y2
    )


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a heat table: how deep its colour is (0 to 5), and whether a move there is worse, better or none."""

    text: str
    exact: str
    depth: int
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """A table whose cells are coloured by their share, such as roll rates: rows lead to columns."""

    title: str
    unit: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]

    @staticmethod
    def depth(share: Decimal) -> int:
        """How deep the colour of a share is: in steps, since a reader tells no more apart."""
        bounds = (Decimal("0.005"), Decimal("0.05"), Decimal("0.2"), Decimal("0.5"), Decimal("0.8"))
        return sum(share >= bound for bound in bounds)


def bar(share: Decimal, limit: Decimal | None = None) -> Markup:
    """A share of a whole as a flat bar, with its limit as a tick; red above it."""
    over = limit is not None and share > limit
    tick = "" if limit is None else _tick(min(Decimal(1), limit))
    return Markup(
        '<svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="{}" width="{:.0f}" height="10"/>{}</svg>'
    ).format("over" if over else "", 1000 * float(min(Decimal(1), max(Decimal(0), share))), tick)


def _tick(place: Decimal) -> Markup:
    x = 1000 * float(place)
    return Markup('<line x1="{0:.0f}" x2="{0:.0f}" y1="0" y2="10"/>').format(x)
