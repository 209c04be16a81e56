"""``poolproof`` without its start, for the guides, which type it a hundred times.

Most of a short command is importing its libraries. So a server has everything imported, and what the shell finds under
the name hands over arguments, folder, environment and open files; for each the server forks a process that runs the
very entry of the installed script. A command that is killed in the shell is ended here. Where there is no
``pidfd_open`` (outside Linux) the installed command is typed instead.

``python -m tests.docs.warm SOCKET`` is the server.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import random
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import types
from functools import cache
from pathlib import Path

import typer.main

from ledger.cli import app

ROOT = Path(__file__).parents[2]
_MAX_MESSAGE = 1 << 20
#: What the shell finds as `poolproof`: as little as can be, since it is started each time.
_CLIENT = """\
#!{python} -SE
import json, os, socket, sys
door = socket.socket(socket.AF_UNIX)
door.connect({socket!r})
told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(door, [len(told).to_bytes(4, "big")], [0, 1, 2])
door.sendall(told)
code = door.recv(1)
sys.exit(code[0] if code else 3)
"""


@cache
def commands() -> Path:
    """The folder in which `poolproof` is: the warm one where that works."""
    if not hasattr(os, "pidfd_open"):
        return Path(sys.executable).parent
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    door, client = folder / "door", folder / "poolproof"
    client.write_text(_CLIENT.format(python=sys.executable, socket=str(door)))
    client.chmod(0o755)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POOLPROOF_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.docs.warm", str(door)],
        cwd=ROOT,
        env=clean | {"NO_COLOR": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    atexit.register(server.terminate)
    assert server.stdout is not None
    assert server.stdout.read(1) == b".", "the warm server did not start"
    return folder


def serve(door: str) -> None:
    """Import everything, say so, and fork for each who comes."""
    for name in ("ledger", "api"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith("__main__") and ".migrations." not in module.name:
                importlib.import_module(module.name)
    for name in ("web3", "uvicorn", "alembic.command", "rich.progress"):
        importlib.import_module(name)
    # The tree of commands, which each of them would make again.
    typer.main.get_command = cache(typer.main.get_command)
    typer.main.get_command(app)
    # Processes that a command spawns must not take this module for its main one.
    sys.modules["__main__"] = types.ModuleType("__main__")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(door)
        listener.listen()
        os.write(1, b".")
        while True:
            caller, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _attend(caller)
            caller.close()


def _attend(caller: socket.socket) -> None:
    """Run one command in a process of its own, for as long as its caller waits; tell its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, files, _, _ = socket.recv_fds(caller, 4, 3)
    told = b""
    while len(told) < int.from_bytes(head, "big"):
        told += caller.recv(_MAX_MESSAGE)
    arguments, folder, environment = json.loads(told)
    child = os.fork()
    if child == 0:
        caller.close()
        _run(files, arguments, folder, environment)
    for file in files:
        os.close(file)
    ended = os.pidfd_open(child)
    with selectors.DefaultSelector() as waiting:
        waiting.register(caller, selectors.EVENT_READ)
        waiting.register(ended, selectors.EVENT_READ)
        while not any(key.fd == ended for key, _ in waiting.select()):
            waiting.unregister(caller)
            os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(OSError):
        caller.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _run(files: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Become the command; Python's own standard streams are on the files that come in under their numbers."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["poolproof", *arguments]
    random.seed()
    code: object = 3
    try:
        from ledger.cli import main

        main()
        code = 0
    except SystemExit as error:
        code = error.code
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve(sys.argv[1])
