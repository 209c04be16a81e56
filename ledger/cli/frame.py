"""What every command shares: where its words go, how it ends, how it shows that it is alive.

Data goes to standard output, and with ``--json`` it is one JSON document; everything for the eye (progress,
warnings, errors) goes to standard error. Exit codes: 0 fine or verified, 1 proved invalid or findings, 2 wrong
use or input, 3 could not decide, 4 not authorised. A defect of our own ends in 3: it proves nothing.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn

import typer
from typer.core import TyperGroup

from ledger.errors import (
    ConfigurationError,
    MalformedError,
    NotFoundError,
    PoolproofError,
    RefusedError,
    UnavailableError,
    VerificationError,
)

if TYPE_CHECKING:
    from ledger.home import Home

#: Key in a context's ``meta``, which all contexts of one call share.
_JSON = "poolproof.json"
#: What a shell reports for a program that SIGPIPE ended: the reader went away, nothing was decided.
_EXIT_PIPE = 141
_EXIT_UNDECIDED = 3
#: Evidence shown on a line; proofs run to thousands of characters, and --json has them whole.
_MAX_EVIDENCE = 300
_EXIT_INTERRUPTED = 130


def _remember_json(context: typer.Context, value: bool) -> bool:
    context.meta[_JSON] = context.meta.get(_JSON, False) or value
    return bool(context.meta[_JSON])


#: ``--json`` stands before or after the command's name.
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output.", callback=_remember_json)
]


class Root(TyperGroup):
    """The group of all commands: turns errors into one line on standard error and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except PoolproofError as error:
            _report(error, as_json=bool(ctx.meta.get(_JSON)))
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:
            # Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_EXIT_PIPE) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(_EXIT_INTERRUPTED) from error
        except IsADirectoryError as error:
            named = ConfigurationError(f"{error.filename} is a folder, not a file")
            _report(named, as_json=bool(ctx.meta.get(_JSON)))
            raise typer.Exit(named.exit_code) from error
        except (OSError, MemoryError) as error:
            wrapped = UnavailableError(str(error) or type(error).__name__)
            _report(wrapped, as_json=bool(ctx.meta.get(_JSON)))
            raise typer.Exit(wrapped.exit_code) from error
        except Exception as error:  # the last boundary: a crash must not look like a verdict
            if type(error).__module__.partition(".")[0] == "typer":
                raise  # usage errors and exits are typer's to print
            traceback.print_exc()
            typer.echo(
                "This is a defect of poolproof, not a verdict; please report it with the lines above.",
                err=True,
            )
            raise typer.Exit(_EXIT_UNDECIDED) from error


def command_group(text: str, *, cls: type[TyperGroup] | None = None) -> typer.Typer:
    """A group of commands; plain help, so that it starts fast and reads the same in a file."""
    return typer.Typer(
        cls=cls,
        help=text,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
    )


def example(*lines: str) -> str:
    """The epilog that shows how a command is used; the tests run through these lines."""
    # \b keeps the line breaks of a paragraph.
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def error_document(error: PoolproofError) -> dict[str, Any]:
    """An error as ``--json`` shows it."""
    body: dict[str, Any] = {"code": error.code, "message": str(error), "exit_code": error.exit_code}
    if isinstance(error, RefusedError):
        body |= {"field": error.field, "reason": error.reason, "rule": error.rule}
        body |= {"details": error.details} if error.details else {}
        body |= {"line": error.line} if error.line is not None else {}
    elif isinstance(error, VerificationError):
        body |= {"step": error.step, "reason": error.reason, "evidence": error.evidence}
    elif isinstance(error, MalformedError):
        body |= {"what": error.what, "reason": error.reason}
    return {"error": body}


def _report(error: PoolproofError, *, as_json: bool) -> None:
    if as_json:
        typer.echo(_dumps(error_document(error)))
    line = f"line {error.line}: " if isinstance(error, RefusedError) and error.line is not None else ""
    typer.echo(f"poolproof: {line}{error}", err=True)
    if isinstance(error, VerificationError):
        for name, value in error.evidence.items():
            typer.echo(
                f"    {name}: {json.dumps(value, ensure_ascii=False, default=_plain)[:_MAX_EVIDENCE]}",
                err=True,
            )


def _dumps(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


class Output:
    """Where a command's words go."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def show(self, document: Mapping[str, Any], *lines: str) -> None:
        """The command's result: ``document`` with ``--json``, else ``lines``."""
        if self.as_json:
            typer.echo(_dumps(document))
        else:
            for line in lines:
                typer.echo(line)

    def say(self, line: str) -> None:
        """A remark for the person who waits."""
        typer.echo(line, err=True)

    def warn(self, line: str) -> None:
        """A remark that must not be missed."""
        typer.secho(line, err=True, fg=typer.colors.YELLOW, bold=True)

    @contextmanager
    def progress(self, what: str, *, unit: str = "bytes") -> Iterator[Callable[[int, int], None]]:
        """A bar on standard error while the block runs; call what it yields with (done, in all)."""
        with self.stages(unit=unit) as stage:
            yield lambda done, total: stage(what, done, total)

    @contextmanager
    def stages(self, *, unit: str = "steps") -> Iterator[Callable[[str, int, int], None]]:
        """A bar for each stage that the block names; call what it yields with (stage, done, in all).

        Shown only to a terminal: in a log file it would be noise.
        """
        if not sys.stderr.isatty():
            yield lambda _stage, _done, _total: None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TaskID,
            TextColumn,
            TimeRemainingColumn,
        )

        counter = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
        columns = (TextColumn("{task.description}"), BarColumn(), counter, TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            tasks: dict[str, TaskID] = {}

            def show(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bar.add_task(stage, total=None)
                bar.update(tasks[stage], completed=done, total=total)

            yield show


@contextmanager
def own_events() -> Iterator[None]:
    """Events that a command makes itself stand in no file: a refusal names no line of one."""
    try:
        yield
    except RefusedError as error:
        error.line = None
        raise


def fail(error: PoolproofError) -> NoReturn:
    """Raise from an expression."""
    raise error


class Short(TyperGroup):
    """A group whose name alone, with arguments, is one of its commands."""

    #: Which command that is.
    short_for: ClassVar[str]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name in where it is left out."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.short_for, *args]
        return super().parse_args(ctx, args)


@contextmanager
def open_home(*, json_logs: bool = False, signs: bool = True) -> Iterator[Home]:
    """The home that the settings name, closed when the block ends; see :class:`Home` for ``signs``."""
    from ledger.home import Home
    from ledger.settings import Settings

    settings = Settings.load()
    settings = settings.model_copy(update={"log_format": "json"}) if json_logs else settings
    home = Home(settings, signs=signs)
    try:
        yield home
    finally:
        home.close()


def read_file(path: Path, what: str) -> bytes:
    """A document that the user names.

    Raises :class:`NotFoundError`, :class:`ConfigurationError` for a folder, :class:`UnavailableError`, and
    :class:`MalformedError` where it is too long.
    """
    from ledger.proofs.documents import MAX_DOCUMENT

    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOCUMENT + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {path} ({what})") from error
    except IsADirectoryError as error:
        raise ConfigurationError(f"{path} is a folder, not a file ({what})") from error
    except OSError as error:
        raise UnavailableError(f"{path}: {error.strerror or error}") from error
    if len(data) > MAX_DOCUMENT:
        raise MalformedError("file", f"{path} is longer than {MAX_DOCUMENT} bytes")
    return data


def only_party(home: Home, *, default: str | None = None) -> str:
    """The party that submits where none is named: who keeps the log's records, else ``default``."""
    from ledger.charter import keeper_of

    keeper = keeper_of(home.ledger.parties()) or default
    if keeper is None:
        raise ConfigurationError("who submits? give --party; `poolproof party list` shows the log's parties")
    return keeper


def today(home: Home) -> date:
    """The log's business date now."""
    from ledger.domain.calendar import business_date

    log = home.ledger.row()
    return business_date(datetime.now(UTC), log.zone, log.day_cut)


def past_day(home: Home, text: str | None, option: str = "--as-of") -> date | None:
    """The day that an option names, None for none. Raises :class:`RefusedError` for one that has not come."""
    from ledger import reading

    return reading.past_day(home.ledger.row(), text, option, now=datetime.now(UTC))
