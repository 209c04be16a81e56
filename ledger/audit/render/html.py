"""The report as one HTML file: no script, no network, printable on A4, in the dark, on a phone.

Everything that comes from records is escaped and isolated (``<bdi>``), so that neither markup nor a character that
turns the direction of writing can change what the rest says. The file's own content security policy allows its one
style sheet, by digest, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from ledger.audit.render import qr
from ledger.audit.render.view import MOST_ON_PAPER, view
from ledger.audit.render.words import Language, labels
from ledger.audit.report import AuditReport

_LANGUAGES = {"en": "en", "zh": "zh-Hans"}


def render(report: AuditReport, *, language: Language = "en", most: int = MOST_ON_PAPER) -> str:
    """The whole file, with at most ``most`` findings of each code."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ledger.audit.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = view(report, language=language, most=most)
    style = resources.files("ledger.audit.render").joinpath("templates/report.css").read_text("utf-8")
    policy = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        view=shown,
        said=labels(language),
        lang=_LANGUAGES[language],
        langs=_LANGUAGES,
        # Both stand in the page as they are: our own style, and a picture in which the code is drawn, not written.
        style=style,
        style_digest=policy,
        qr=qr.svg(shown.code),
    )
