"""The report as PDF/A-2a: tagged, every font inside, and the same bytes for the same report.

The file's date, which PDF/A wants, is the report's as-of day: nothing else is known of the report, and no clock is
read.

The typesetter (typst) comes with the extra ``reports``; without it :class:`UnavailableError` says so. It sees nothing
but a folder with our template, our fonts and the view: no system font, no network, no clock. No text of a record is
ever read as markup.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ledger.audit.render import fonts, qr
from ledger.audit.render.view import MOST_ON_PAPER, View, view
from ledger.audit.render.words import Language, labels
from ledger.audit.report import AuditReport
from ledger.errors import UnavailableError

#: PDF/A of ISO 19005-2, conformance level a: archivable, and readable by machines and by those who cannot see.
STANDARD: Final = "a-2a"
#: Longer words get places to break: names from records have no spaces, and a line must not run off the page.
_LONG_WORD: Final = re.compile(r"\S{20,}")
_BREAK: Final = "\u200b"
#: Members that are set whole: they fit their column, and must be copied as they are.
_WHOLE: Final = frozenset(("digest", "sha256", "code"))


def check_typesetter() -> None:
    """Raise :class:`UnavailableError` where the typesetter is not installed; an audit asks before it begins."""
    if find_spec("typst") is None:
        raise UnavailableError("the PDF needs its typesetter: pip install 'poolproof[reports]'")


def render(report: AuditReport, *, language: Language = "en", most: int = MOST_ON_PAPER) -> bytes:
    """The whole file, with at most ``most`` findings of each code. Raises :class:`UnavailableError`."""
    check_typesetter()
    import typst

    shown = view(report, language=language, most=most)
    with tempfile.TemporaryDirectory(prefix="poolproof-report-") as name:
        folder = Path(name)
        _prepare(shown, folder, report)
        try:
            made = typst.compile(
                folder / "report.typ",
                root=folder,
                font_paths=[folder],
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards=[STANDARD],
                timestamp=0,  # never used, as the document has its date; without it the clock would be asked
            )
        except typst.TypstError as error:
            raise UnavailableError(f"the report cannot be set as PDF: {error}") from error
    assert isinstance(made, bytes)
    return made


def _prepare(shown: View, folder: Path, report: AuditReport) -> None:
    """Write what the typesetter reads."""
    fonts.unpack(folder)
    template = resources.files("ledger.audit.render").joinpath("templates/report.typ")
    (folder / "report.typ").write_bytes(template.read_bytes())
    (folder / "qr.svg").write_text(qr.svg(shown.code, standalone=True), encoding="utf-8")
    values = asdict(shown)
    said = labels(shown.language)
    day = date.fromisoformat(report.basis.as_of)
    data = {
        "view": _each_text(values, _settable),
        "said": said,
        "fonts": {"text": fonts.TEXT, "strong": fonts.STRONG},
        # Of the file, not of the page: what a viewer shows in its window.
        "title": fonts.spelled(f"{said['kicker']}{said['colon']}{shown.title}"),
        "author": fonts.spelled(report.made_by),
        "title_shown": _settable("title", shown.title),
        "date": [day.year, day.month, day.day],
        "running": fonts.spelled(f"{said['kicker']}{said['colon']}{shown.title}")[:_RUNNING],
        "code_shown": _broken(shown.code),
        "substituted": _each_text(values, lambda _, text: fonts.spelled(text)) != _flat(values),
    }
    (folder / "view.json").write_text(json.dumps(data), encoding="utf-8")


#: Characters of the head of each page, which has one line.
_RUNNING: Final = 70


def _settable(name: str, text: str) -> str:
    """A text in characters that the fonts have, with places to break."""
    known = fonts.spelled(text)
    return known if name in _WHOLE else _LONG_WORD.sub(lambda word: _broken(word[0]), known)


def _broken(word: str) -> str:
    return _BREAK.join(word)


def _flat(value: Any) -> Any:
    return _each_text(value, lambda _, text: " ".join(text.splitlines()))


def _each_text(value: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    """``value`` with every string changed, by the name of the member that it stands under."""
    if isinstance(value, str):
        return change(name, value)
    if isinstance(value, dict):
        kind = value.get("kind")
        return {
            key: _each_text(one, change, "digest" if kind == "digest" and key == "value" else key)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_each_text(one, change, name) for one in value]
    return value
