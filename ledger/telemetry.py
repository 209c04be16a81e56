"""Log lines: structured, on standard error, in one form for our own and for the libraries' messages.

One line for a thing that happened to the log (a checkpoint, an anchor, a fault), none for each event; no
record, disclosure, secret or passphrase is ever logged.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.settings import Settings

#: Libraries whose remarks are for their own developers.
_QUIET = ("alembic", "urllib3", "web3", "asyncio")


def configure(settings: Settings) -> None:
    """Set up our own log lines."""
    import structlog

    structlog.configure(
        processors=[*_shared(), *_last(settings)],
        wrapper_class=structlog.make_filtering_bound_logger(_level(settings)),
        # Looked up when a logger is made, so that a supervisor or a test may replace standard error.
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )


def configure_service(settings: Settings) -> None:
    """The same for a process that runs on: libraries' messages take our form too."""
    import structlog

    configure(settings)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_shared(), _logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(settings)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_level(settings))
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(_level(settings), logging.WARNING))


def _level(settings: Settings) -> int:
    return logging.getLevelNamesMapping()[settings.log_level.upper()]


def _shared() -> list[Any]:
    """What every line passes through first."""
    import structlog

    return [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]


def _last(settings: Settings) -> list[Any]:
    """What makes text of a line."""
    import structlog

    if settings.log_format == "json":
        # ASCII alone: JSON itself lets through characters that terminals obey and that some readers take for the end of
        # a line, and a path that was asked for may hold them.
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=True)]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _to_stderr(*_: object) -> Any:
    import structlog

    return structlog.PrintLogger(sys.stderr)


def _logger_name(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say which library speaks."""
    record = event.get("_record")
    if record is not None:
        event["logger"] = record.name
    return event
