"""The report in a terminal: at any width from 60 columns, without colour, at most a few findings of each code."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from ledger.audit.render.view import FindingView, ProcedureView, Row, Total, View, view
from ledger.audit.render.words import Language, is_wide, labels
from ledger.audit.report import AuditReport

#: Findings of one code: enough to see what it is about, without pushing the verdict off the screen.
MOST: Final = 10
#: Characters of a digest: enough to tell records apart by eye; the JSON report has them whole.
_SHORT: Final = 12
#: Records named after a finding.
_MOST_RECORDS: Final = 3
NARROWEST: Final = 60
_NEVER_FIRST: Final = "，。、；：？！）》」』”’…"
_MARKS: Final = {
    "passed": "ok", "findings": "!!", "warned": " !", "explained": " i", "undetermined": "??", "not_applicable": "--",
}  # fmt: skip


def lines(report: AuditReport, *, width: int = 80, most: int = MOST, language: Language = "en") -> list[str]:
    """The report as lines of at most ``width`` columns, digests and codes excepted."""
    shown = view(report, language=language, most=most)
    width = max(width, NARROWEST)
    said = labels(language)
    parts: list[Iterable[str]] = [_top(shown, width, said)]
    parts += [_titled(said["basis"], _table(shown.basis, width), width)]
    procedures = (line for one in shown.procedures for line in _procedure(one, width, said))
    parts += [_titled(said["procedures"], procedures, width)]
    parts += [_findings(shown, width, said)]
    figures = _table(shown.numbers, width)
    parts += [_titled(said["figures"], figures, width)] if shown.numbers else []
    parts += [_titled(one.label, _total(one, width), width) for one in shown.totals]
    for name in ("steps", "sees", "not_checked"):
        some = getattr(shown, name)
        listed = (line for one in some for line in _wrap(one.text, width, "  - ", "    "))
        parts += [_titled(said[name], listed, width)] if some else []
    parts += [_titled(said["check"], [f"  {shown.code}"], width)]
    parts += [["", *_wrap(said["no_opinion"], width, "", "")]]
    return [_plain(line).rstrip() for part in parts for line in part]


def _top(shown: View, width: int, said: dict[str, str]) -> Iterator[str]:
    yield from _wrap(f"{said['kicker']}{said['colon']}{shown.title}", width, "", "")
    yield from _wrap(" · ".join(f"{row.label} {row.value}" for row in shown.head), width, "", "")
    yield ""
    yield from _wrap(shown.verdict, width, "", "")
    yield from _wrap(" · ".join(f"{one.count} {one.label}" for one in shown.tallies), width, "", "")


def _titled(title: str, body: Iterable[str], width: int) -> Iterator[str]:
    yield ""
    yield f"── {title} " + "─" * max(width - columns(title) - 4, 0)
    yield from body


def _table(rows: Iterable[Row], width: int) -> Iterator[str]:
    rows = list(rows)
    label = max((columns(row.label) for row in rows), default=0)
    right = max((columns(row.value) for row in rows if row.kind == "number"), default=0)
    for row in rows:
        space = " " * (right - columns(row.value)) if row.kind == "number" else ""
        start = f"  {_padded(row.label, label)}  {space}"
        if row.kind == "digest" and columns(start + row.value) > width:
            yield from (f"  {row.label}", f"    {row.value}")  # whole, so that it can be copied
        else:
            yield from _wrap(row.value, width, start, " " * columns(start))


def _procedure(one: ProcedureView, width: int, said: dict[str, str]) -> Iterator[str]:
    start = f"  {_MARKS[one.outcome]}  {one.name:<18}"
    facts = [one.outcome_label]
    if one.outcome != "not_applicable":
        facts += [one.asked] if one.asked else []
        facts += [f"{said['found']}{said['colon']}{one.findings}"] if one.findings != "0" else []
        facts += (
            [f"{said['undetermined']}{said['colon']}{one.undetermined}"]
            if one.undetermined not in {"", "0"}
            else []
        )
    yield from _wrap(" · ".join(facts), width, start, " " * columns(start))
    for reason in one.reasons:
        line = said["because"].format(times=reason.times, reason=reason.sentence.text)
        yield from _wrap(line, width, " " * 8, " " * 10)


def _findings(shown: View, width: int, said: dict[str, str]) -> Iterator[str]:
    if not shown.groups:
        yield from _titled(said["findings"], [f"  {said['no_findings']}"], width)
    for group in shown.groups:
        body = (line for one in group.findings for line in _finding(one, width, said))
        yield from _titled(f"{group.label} ({group.count})", body, width)


def _finding(one: FindingView, width: int, said: dict[str, str]) -> Iterator[str]:
    place = " · ".join(part for part in (one.place, one.claim) if part)
    yield from _wrap(f"{one.code}  {place}", width, "  ", "    ")
    yield from _wrap(one.text, width, "    ", "    ")
    some = one.evidence[:_MOST_RECORDS]
    records = [f"{said['record'].format(index=each.index)} {each.digest[:_SHORT]}…" for each in some]
    records += [f"+{len(one.evidence) - len(some)}"] if len(one.evidence) > len(some) else []
    yield from _flow([one.procedure, *records], width, "    ")
    if one.more:
        yield from _wrap(one.more, width, "  ", "    ")


def _total(one: Total, width: int) -> Iterator[str]:
    yield from _table(one.amounts, width)
    for some in one.breakdowns:
        yield f"  {some.label}"
        label = max((columns(part.label) for part in some.parts), default=0)
        right = max((columns(part.amount) for part in some.parts), default=0)
        for part in some.parts:
            share = "" if part.permille is None else f"  {part.permille / 10:5.1f} %"
            amount = " " * (right - columns(part.amount)) + part.amount
            yield f"    {_padded(part.label, label)}  {amount}{share}"


def _flow(items: Iterable[str], width: int, indent: str) -> Iterator[str]:
    """As many items on a line as fit, none of them cut."""
    line = ""
    for one in items:
        if line and columns(f"{line}  {one}") > width:
            yield line
            line = ""
        line = f"{line}  {one}" if line else indent + one
    if line:
        yield line


def columns(text: str) -> int:
    """How many columns a terminal gives the text: ideographs take two, marks that combine none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(one) else 2 if is_wide(one) else 1 for one in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def _wrap(text: str, width: int, first: str, rest: str) -> Iterator[str]:
    """Lines of at most ``width`` columns."""
    text = _plain(text)
    line = first
    begun = False
    for token in _tokens(text, width - max(columns(first), columns(rest))):
        if begun and columns(line) + columns(token.rstrip()) > width:
            yield line.rstrip()
            line, begun = rest, False
        line += token if begun else token.lstrip()
        begun = True
    if line.strip():
        yield line.rstrip()


def _tokens(text: str, most: int) -> Iterator[str]:
    """What stays on one line: a word and its space, an ideograph and the stop after it; at most ``most`` columns."""
    token, size = "", 0
    for one in text:
        wide = is_wide(one)
        after = token[-1:]
        full = size + columns(one) > most and one != " "
        new_word = not wide and one != " " and (after == " " or is_wide(after))
        broken = token and (full or new_word or (wide and one not in _NEVER_FIRST))
        if broken:
            yield token
            token, size = "", 0
        token += one
        size += columns(one)
    yield token


def _plain(text: str) -> str:
    """Without the controls that a record might hold: a terminal would obey them."""
    return "".join(one if one.isprintable() else " " for one in text)
