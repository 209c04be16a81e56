"""``poolproof report``: show, print and compare the report of an audit made earlier. It needs the file, no home."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ledger.cli.frame import Json, Output, command_group, example, read_file

if TYPE_CHECKING:
    from ledger.audit.report import AuditReport

commands = command_group("Reports.")


@commands.command(
    epilog=example(
        "poolproof report audit.report.json",
        "poolproof report audit.report.json --html audit.html --pdf audit.pdf --language zh",
        "poolproof report audit.report.json --found audit.found.json",
        "poolproof report audit.report.json --check 'poolproof:report?origin=…&pool=…&size=…&root=…'",
    )
)
def report(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The JSON report of an audit.")],
    *,
    html: Annotated[Path | None, typer.Option(help="Write one printable HTML file here.")] = None,
    pdf: Annotated[
        Path | None, typer.Option(help="Write PDF/A here; needs the extra `reports` (typst).")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the report file in its canonical spelling here."),
    ] = None,
    found: Annotated[
        Path | None,
        typer.Option(help="Write what was found, without words, here: its sha256sum is the report's digest."),
    ] = None,
    language: Annotated[Literal["en", "zh"], typer.Option(help="English or 简体中文.")] = "en",
    check: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What a paper's QR code says: compare it with this report."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the report of an audit, print it as HTML or PDF, or compare a paper with it.

    The same report gives the same bytes. Exit code 1: the code is of another report, and the message says what
    differs. 2: not such a file, or one whose counts and outcomes do not follow from the rest. It says nothing of the
    audit's outcome: the report does.
    """
    from ledger.audit import reportfile

    data = read_file(file, "report")
    shown = reportfile.decode(data)
    code = reportfile.ReportCode.of(shown)
    out = Output(as_json)
    if check is not None:
        code.compare(reportfile.ReportCode.parse(check.strip()))
    written = write_report(shown, language=language, html=html, pdf=pdf, output=output, found=found)
    document = {
        "sha256": code.sha256,
        "code": str(code),
        "outcome": shown.to_json()["outcome"],
        "written": [str(path) for path in written],
        "checked": check is not None,
    }
    lines = [f"wrote {path}" for path in written]
    lines += [f"the same report: {code.sha256}"] if check is not None else []
    out.show(document, *(lines or report_lines(shown, language)))


def write_report(
    shown: AuditReport,
    *,
    language: Literal["en", "zh"],
    html: Path | None,
    pdf: Path | None,
    output: Path | None,
    found: Path | None = None,
) -> list[Path]:
    """Write what was asked for; all of it is made before any of it is written."""
    from ledger.audit import reportfile
    from ledger.static import write_file

    made: list[tuple[Path, bytes]] = []
    if output is not None:
        made.append((output, reportfile.encode(shown)))
    if found is not None:
        made.append((found, reportfile.found(shown)))
    if html is not None:
        from ledger.audit.render import html as as_html

        made.append((html, as_html.render(shown, language=language).encode()))
    if pdf is not None:
        from ledger.audit.render import pdf as as_pdf

        made.append((pdf, as_pdf.render(shown, language=language)))
    for path, content in made:
        write_file(path, content)
    return [path for path, _ in made]


def report_lines(shown: AuditReport, language: Literal["en", "zh"]) -> list[str]:
    """The report for this terminal."""
    from ledger.audit.render import text

    return text.lines(shown, width=shutil.get_terminal_size().columns, language=language)
