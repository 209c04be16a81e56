from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ledger.audit import reportfile
from tests.audit.render import samples
from tests.cli.running import Run, data


@pytest.fixture
def file(home: Path) -> Path:
    path = home.with_name("audit.report.json")
    path.write_bytes(reportfile.encode(samples.chinese()))
    return path


def test_a_report_is_shown_without_a_home(run: Run, file: Path, home: Path) -> None:
    assert run("report", file).stdout.startswith("Pool audit: 分期乐")
    assert "资产池审计" in run("report", file, "--language", "zh").stdout
    shown = data(run("report", file, "--json"))
    run("report", file, "--found", "found.json")
    assert shown["sha256"] == hashlib.sha256(Path("found.json").read_bytes()).hexdigest()
    assert (shown["outcome"], shown["written"], shown["checked"]) == ("findings", [], False)
    assert not home.exists()


def test_paper_is_written(run: Run, file: Path) -> None:
    folder = file.parent
    said = run(
        "report", file, "--html", "a.html", "--pdf", "a.pdf", "-o", "again.json", "--language", "zh"
    ).stdout
    assert said.splitlines() == ["wrote again.json", "wrote a.html", "wrote a.pdf"]
    assert (folder / "again.json").read_bytes() == file.read_bytes()
    assert '<html lang="zh-Hans">' in (folder / "a.html").read_text(encoding="utf-8")
    assert (folder / "a.pdf").read_bytes().startswith(b"%PDF-1.7")


def test_a_paper_is_compared(run: Run, file: Path) -> None:
    code = data(run("report", file, "--json"))["code"]
    assert "the same report" in run("report", file, "--check", code).stdout
    other = code.replace("size=1234568", "size=1234569")
    assert "not the same report: size differ" in run("report", file, "--check", other, code=1).stderr
    assert data(run("report", file, "--check", other, "--json", code=1))["error"]["evidence"] == {
        "size": [1234568, 1234569]
    }
    assert "malformed report code" in run("report", file, "--check", "poolproof:report?", code=2).stderr


def test_other_files_are_refused_and_nothing_is_written(run: Run, file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace('"outcome":"findings"', '"outcome":"clean"', 1))
    refused = run("report", file, "--html", "a.html", code=2)
    assert "not what this version derives" in refused.stderr
    assert not (file.parent / "a.html").exists()
    run("report", "nothing.json", code=2)
