"""The charts of a pool's figures: what stands, what came in, how claims age, roll and are lost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final

from api.portal import formats
from api.portal.charts import Cell, Chart, Heat, Kind, Series
from api.portal.models.figures import Figures
from api.portal.words import Words

#: Components of cash in the order in which they are stacked.
_CASH: Final = ("principal", "interest", "fee", "penalty", "other")
#: Vintages that are drawn: more lines could not be told apart. The table of all months is the analytics document.
MAX_VINTAGES: Final = 6
#: Months that are drawn: five years, so that a bar can still be seen.
MAX_MONTHS: Final = 60
#: An axis of shares that are all zero reaches this far.
_LEAST_SHARE: Final = Decimal("0.02")
#: Where claims go that leave the buckets.
_EXITS: Final = ("settled", "charged_off", "compensated", "left", "cancelled")


def outstanding(figures: Figures, words: Words) -> Chart:
    """Principal at each month's end."""
    months = _months(figures)
    values = tuple(Decimal(one["outstanding"]) for one in months)
    series = (Series(name=words.t("chart.outstanding"), values=values),)
    return _by_month(figures, words, "outstanding", series, kind="area")


def cash(figures: Figures, words: Words) -> Chart:
    """What payments brought, by component."""
    months = _months(figures)
    series = tuple(
        Series(
            name=words.term("component", name),
            values=tuple(Decimal(one["cash"]["by_component"][name]) for one in months),
        )
        for name in _CASH
        if any(Decimal(one["cash"]["by_component"][name]) for one in months)
    )
    return _by_month(figures, words, "cash", series, kind="stacked")


def delinquency(figures: Figures, words: Words) -> Chart:
    """Past-due and undetermined principal by bucket, as shares of all; current claims are what is left to the whole."""
    months = _months(figures)
    buckets = [name for name in buckets_of(figures) if name != "current"]
    series = tuple(
        Series(
            name=words.term("bucket", name),
            values=tuple(_decimal(one["buckets"].get(name, {}).get("share")) for one in months),
            tone="m5" if name == "undetermined" else f"m{min(at, 4)}",
        )
        for at, name in enumerate(buckets, 1)
    )
    return _by_month(figures, words, "delinquency", series, kind="stacked", share=True)


def vintages(figures: Figures, words: Words) -> Chart:
    """Cumulative net loss with what guarantors paid, by months on book, of vintages from the oldest to the newest."""
    known = [one for one in figures.vintages if len(one["curve"]) > 1 and Decimal(one["original"])]
    drawn = known if len(known) <= MAX_VINTAGES else [
        known[at * (len(known) - 1) // (MAX_VINTAGES - 1)] for at in range(MAX_VINTAGES)
    ]  # fmt: skip
    longest = max((len(one["curve"]) for one in drawn), default=0)
    series = tuple(
        Series(
            name=one["month"],
            values=tuple(_sum(point["net_loss_rate"], point["compensated_rate"]) for point in one["curve"]),
            tone=f"v{at % MAX_VINTAGES + 1}",
        )
        for at, one in enumerate(drawn)
    )
    return Chart(
        title=words.t("chart.vintages"),
        unit=words.t("chart.vintages_unit"),
        axis=words.t("chart.months_on_book"),
        x=tuple(str(age) for age in range(longest)),
        series=series,
        exact=_percent,
        short=_percent_axis,
        least=_LEAST_SHARE,
    )


def rolls(figures: Figures, words: Words) -> Heat:
    """Where the principal of each bucket of the month before has gone, in the newest month that is over."""
    over = [one for one in figures.months if one["complete"]]
    newest: dict[str, Any] = over[-1] if over else {"rolls": {}, "month": ""}
    buckets = buckets_of(figures)
    sources = [name for name in buckets if name in newest["rolls"]]
    exits = [name for name in _EXITS if any(name in row["to"] for row in newest["rolls"].values())]
    columns = (*buckets, *exits)
    return Heat(
        title=words.t("chart.rolls"),
        unit=words.t("chart.rolls_unit", month=newest["month"]) if sources else "",
        corner=words.t("chart.rolls_corner"),
        columns=tuple(words.term("bucket", name) for name in columns),
        rows=tuple(
            (
                words.term("bucket", source),
                tuple(_cell(source, target, newest["rolls"][source]["to"], columns) for target in columns),
            )
            for source in sources
        ),
    )


def buckets_of(figures: Figures) -> list[str]:
    """The buckets in their order; the undetermined only where a claim is in it."""
    newest = figures.month
    if newest is None:
        return []
    filled = any(one["buckets"].get("undetermined", {}).get("claims") for one in figures.months)
    return [name for name in newest["buckets"] if name != "undetermined" or filled]


# -- parts -----------------------------------------------------------------------------------------------------


def _months(figures: Figures) -> list[dict[str, Any]]:
    return figures.months[-MAX_MONTHS:]


def _by_month(
    figures: Figures, words: Words, name: str, series: tuple[Series, ...], *, kind: Kind, share: bool = False
) -> Chart:
    months = _months(figures)
    exact: Callable[[Decimal | None], str] = _percent if share else _amount
    short: Callable[[Decimal], str] = (
        _percent_axis if share else partial(formats.short, language=words.language)
    )
    unit = words.t(f"chart.{name}_unit", currency=figures.currency)
    return Chart(
        title=words.t(f"chart.{name}"), unit=unit, axis=words.t("chart.month"),
        x=tuple(one["month"] for one in months), series=series, exact=exact, short=short, kind=kind,
        least=_LEAST_SHARE if share else Decimal(1),
        open_places=0 if not months or months[-1]["complete"] else 1,
    )  # fmt: skip


def _cell(source: str, target: str, row: dict[str, Any], columns: tuple[str, ...]) -> Cell | None:
    found = row.get(target)
    if found is None:
        return None
    share = Decimal(found["principal_share"] or 0)
    direction = "worse" if columns.index(target) > columns.index(source) else "better"
    if target in {"settled", "left", "cancelled"}:
        direction = "better"
    return Cell(
        text=formats.percent(share, 1),
        exact=f"{found['principal_share']} · {formats.amount(found['principal'])} · {found['claims']}",
        depth=Heat.depth(share),
        direction="same" if source == target else direction,
    )


def _sum(*ratios: str | None) -> Decimal | None:
    known = [Decimal(one) for one in ratios if one is not None]
    return sum(known, Decimal(0)) if known else None


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _amount(value: Decimal | None) -> str:
    return formats.amount(None if value is None else f"{value:f}")


def _percent(value: Decimal | None) -> str:
    return formats.percent(value, 4)


def _percent_axis(value: Decimal) -> str:
    return formats.percent(value, 2).removesuffix("%").rstrip("0").rstrip(".") + "%"
