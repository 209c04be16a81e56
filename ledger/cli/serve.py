"""``poolproof serve``: the HTTP service with its worker, in one process."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.frame import Json, command_group, example, open_home

commands = command_group("Service.")


@commands.command(epilog=example("poolproof serve", "poolproof serve --host 0.0.0.0 --port 8080 --no-worker"))
def serve(
    host: Annotated[
        str | None, typer.Option(help="Where to listen. [default: POOLPROOF_HOST, 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="On which port. [default: POOLPROOF_PORT, 8080]", min=0, max=65_535)
    ] = None,
    worker: Annotated[bool, typer.Option(help="Publish and anchor in this process too.")] = True,
    as_json: Json = False,
) -> None:
    """Serve the API, publish and anchor.

    Until SIGTERM or Ctrl-C.
    Put a proxy with TLS in front. A process that shall not hold the checkpoint key runs with --no-worker and
    with POOLPROOF_KEYS_DIR at a directory without it. With --json, log lines are JSON.
    """
    import uvicorn

    from api.app import create_app
    from ledger import telemetry, workers

    with open_home(json_logs=as_json) as home:
        telemetry.configure_service(home.settings)
        app = create_app(home.served_settings(), ledger=home.ledger)
        config = uvicorn.Config(
            app,
            host=host or home.settings.host,
            port=home.settings.port if port is None else port,
            log_config=None,  # our own form, set above
            access_log=False,
            server_header=False,
        )
        server = uvicorn.Server(config)
        running = home.workers(anchors=True) if worker else None
        # uvicorn hands a signal on when it has shut down; it must find us, not the default that kills.
        with workers.stopped_by_signals(running.stop if running else lambda: None):
            if running is not None:
                # A service that accepts and never publishes again must not look alive.
                running.start(on_failure=lambda: setattr(server, "should_exit", True))
            try:
                server.run()
            finally:
                if running is not None:
                    running.stop()
                    running.join()
