"""``poolproof serve``, ``api`` and ``worker``: what runs until a signal ends it.

SIGTERM and SIGINT end each of them gently: requests under way are answered, the step of each loop ends, exit 0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ledger.cli.frame import Json, command_group, example, open_home
from ledger.collector import leave_to_the_process
from ledger.errors import UnavailableError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from ledger.home import Home
    from ledger.settings import Settings

commands = command_group("Services.")

#: Seconds that requests under way have at a stop. A body may take 30 to arrive (api.bodies), an answer some more.
GRACE_SECONDS: Final = 45
#: Seconds in which a process of several must show that it lives; a busy machine takes a few to start one.
ALIVE_WITHIN_SECONDS: Final = 60
#: Seconds for which a thread may keep the interpreter while others want it. Whoever holds the log's lock asks the
#: database a dozen times; with Python's 5 ms a batch that was read beside it held up each of these answers.
SWITCH_SECONDS: Final = 0.0005

Host = Annotated[str | None, typer.Option(help="Where to listen. [default: POOLPROOF_HOST, 127.0.0.1]")]
Port = Annotated[
    int | None, typer.Option(help="On which port. [default: POOLPROOF_PORT, 8080]", min=0, max=65_535)
]


@commands.command(epilog=example("poolproof serve", "poolproof serve --host 0.0.0.0 --port 8080"))
def serve(host: Host = None, port: Port = None, as_json: Json = False) -> None:
    """Run the API and a worker in one process, for trying out.

    Until SIGTERM or Ctrl-C. For more than that run `api` and `worker` apart, any number of each over one
    PostgreSQL, with a proxy for TLS in front. With --json, log lines are JSON.
    """
    import uvicorn

    from api.app import create_app
    from ledger.home import loops
    from ledger.workers import Workers, stopped_by_signals

    with open_home(json_logs=as_json) as home:
        _begin(home.settings)
        app = create_app(home.served_settings(), ledger=home.ledger)
        server = uvicorn.Server(_config(app, home, host, port))
        workers = Workers(loops(home))
        # uvicorn hands a signal on when it has shut down; it must find us, not the default that kills.
        with stopped_by_signals(workers.stop):
            # A service that accepts and never publishes again must not look alive.
            workers.start(on_failure=lambda: setattr(server, "should_exit", True))
            try:
                server.run()
            finally:
                workers.stop()
                workers.join()


@commands.command(epilog=example("poolproof api", "poolproof api --host 0.0.0.0 --processes 2 --json"))
def api(
    host: Host = None,
    port: Port = None,
    processes: Annotated[
        int, typer.Option(help="Processes that share the port; one that dies is replaced.", min=1, max=64)
    ] = 1,
    as_json: Json = False,
) -> None:
    """Run the API alone; a `worker` elsewhere publishes and anchors.

    Until SIGTERM or Ctrl-C. It neither needs nor reads the checkpoint key: give it a directory of keys without
    one by POOLPROOF_KEYS_DIR. Put a proxy with TLS in front. With --json, log lines are JSON.
    """
    with open_home(json_logs=as_json, signs=False) as home:
        if processes == 1:
            _run_alone(home, host, port)
            return
        _begin(home.settings)
        # What is wrong with the settings, the keys or the database is said once, here, and not by each process; the
        # service is loaded by each of them, and not here.
        application = partial(_application, home.served_settings())
        config = _config(application, home, host, port, processes=processes)
    _run_several(config)


@commands.command(epilog=example("poolproof worker", "poolproof worker --only publish --json"))
def worker(
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Run this loop alone: `publish`, `anchor`, `relay`, `webhooks`, `events`, `audit`; may be repeated.",
            metavar="LOOP",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish, anchor, relay, send webhooks and work off jobs until SIGTERM or Ctrl-C.

    Jobs are audits and large batches. The step under way is finished first, a job given back to the queue. Any
    number may run; they take turns. With --json, log lines are JSON (as with POOLPROOF_LOG_FORMAT=json). Ends with
    an error when the chain shows another root than the log's: a person must look.
    """
    from ledger.home import loops
    from ledger.workers import Workers, stopped_by_signals

    with open_home(json_logs=as_json) as home:
        _begin(home.settings)
        workers = Workers(loops(home, *only or ()))
        with stopped_by_signals(workers.stop):
            workers.run()


def _begin(settings: Settings) -> None:
    """What a process that runs on has of its own: the form of log lines, how its threads take turns, and that what it
    has loaded is left alone.
    """
    from ledger import telemetry

    telemetry.configure_service(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    leave_to_the_process()


def _application(settings: Settings) -> FastAPI:
    """The service in one process of several; its connections to the database end with the process."""
    from api.app import create_app
    from ledger.home import Home

    _begin(settings)
    return create_app(settings, ledger=Home(settings, signs=False).ledger)


def _config(
    app: FastAPI | Callable[[], FastAPI],
    home: Home,
    host: str | None,
    port: int | None,
    *,
    processes: int = 1,
) -> uvicorn.Config:
    import uvicorn

    from api.connection import Connection

    return uvicorn.Config(
        app,
        http=Connection,
        factory=processes > 1,
        workers=processes,
        host=host or home.settings.host,
        port=home.settings.port if port is None else port,
        ws="none",  # there are no websockets here
        log_config=None,  # our own form, set by telemetry
        access_log=False,
        server_header=False,
        # Whose word on a client's address is taken is ours to say: api.peers, POOLPROOF_TRUSTED_PROXIES.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=ALIVE_WITHIN_SECONDS,
    )


def _run_alone(home: Home, host: str | None, port: int | None) -> None:
    """The service in this process."""
    import uvicorn

    from api.app import create_app
    from ledger.workers import stopped_by_signals

    _begin(home.settings)
    app = create_app(home.served_settings(), ledger=home.ledger)
    server = uvicorn.Server(_config(app, home, host, port))
    with stopped_by_signals(lambda: None):
        server.run()


def _run_several(config: uvicorn.Config) -> None:
    """Several processes on one socket, watched by this one."""
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import Multiprocess

    with config.bind_socket() as socket:
        # From here on requests wait for the first process, or for the next one, and are not turned away.
        socket.listen(config.backlog)
        supervisor = Multiprocess(config, sockets=[socket])
        supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise UnavailableError("a process of the API could not start; its log lines say why")
