from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ledger.cli.frame import Output, Root, command_group
from ledger.errors import (
    IntegrityError,
    MalformedError,
    PoolproofError,
    RefusedError,
    UnauthorisedError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)
from tests.cli.running import Run, data


def failing(error: BaseException) -> typer.Typer:
    """A command line with one command, which raises."""
    app = typer.Typer(cls=Root, rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.callback()
    def _root() -> None:
        pass

    @app.command()
    def fail() -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (VerificationError("no", step="inclusion"), 1),
        (IntegrityError("no"), 1),
        (MalformedError("receipt", "no"), 2),
        (RefusedError("data.amount", "no"), 2),
        (UndeterminedError("no"), 3),
        (UnavailableError("no"), 3),
        (UnauthorisedError("no"), 4),
        (OSError(28, "No space left on device"), 3),
        (MemoryError(), 3),
        (KeyboardInterrupt(), 130),
        (ValueError("a defect"), 3),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    result = CliRunner().invoke(failing(error), ["fail"])
    assert result.exit_code == code
    assert result.stdout == ""
    if isinstance(error, PoolproofError):
        assert result.stderr == f"poolproof: {error}\n"


def test_a_defect_is_no_verdict() -> None:
    result = CliRunner().invoke(failing(KeyError("x")), ["fail"])
    assert result.exit_code == 3
    assert "defect of poolproof, not a verdict" in result.stderr


@pytest.mark.parametrize("args", [["--json", "status"], ["status", "--json"]])
def test_json_stands_before_or_after_the_command(run: Run, args: list[str]) -> None:
    result = run(*args, code=2)
    error = data(result)["error"]
    assert error["code"] == "configuration"
    assert error["exit_code"] == 2
    assert result.stderr == f"poolproof: {error['message']}\n"


def test_the_error_says_what_a_script_needs(log: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.ndjson").write_text('{"id": "e1"}\n')
    error = data(log("append", "bad.ndjson", "--json", code=2))["error"]
    assert error["line"] == 1
    assert {"field", "reason", "rule"} <= set(error)


@pytest.mark.parametrize(
    "args", [["nonsense"], ["status", "--nonsense"], ["append"], ["verify", "a", "--require", "certain"]]
)
def test_wrong_use_is_2(run: Run, args: list[str]) -> None:
    result = run(*args, code=2)
    assert "Usage: poolproof" in result.stderr
    assert result.stdout == ""


def test_output_for_programs_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).show({"名": "值", "root": b"\x01\xff"}, "for the eye")
    assert json.loads(capsys.readouterr().out) == {"名": "值", "root": "01ff"}


def test_a_reader_that_goes_away_is_no_verdict(home: Path) -> None:
    command = [sys.executable, "-m", "ledger", "config", "--json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141, errors.decode()
    assert errors == b""


def test_a_group_alone_shows_its_commands(run: Run) -> None:
    assert "keygen" in run("party", code=2).stderr + run("party", "--help").stdout
    assert command_group("x").info.no_args_is_help
