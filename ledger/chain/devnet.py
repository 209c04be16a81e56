"""A local chain for trying out and for tests: anvil as a process of its own, with kept state.

A devnet lives in a directory: ``state.json`` (the chain, saved every second and at the end, so that even a
killed devnet comes back with its contracts and anchors), ``anvil.json`` (process id and port) and
``anvil.log``. Its genesis, and so its identity, stays until ``state.json`` is deleted.

Every transaction is mined at once, in a block of its own, and nothing else makes blocks: ``finalized`` is
two blocks behind the head, and :func:`mine` lets those pass. The accounts and their keys are anvil's, known
to everybody. No promise of a devnet holds against whoever runs it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from ledger.errors import ConfigurationError, UnavailableError

CHAIN_ID: Final = 31337
DEFAULT_PORT: Final = 8545

#: Starting takes some 0.3 s; a busy machine with a large state takes longer, a broken one never answers.
START_TIMEOUT_SECONDS: Final = 30.0
#: Saving the state of a long-lived devnet takes a second or two.
STOP_TIMEOUT_SECONDS: Final = 20.0
#: How many blocks back state proofs can be had. More than finality needs, less than what makes saving slow.
KEPT_STATES: Final = 64

_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Devnet:
    """A devnet that runs and answers."""

    directory: Path
    pid: int
    port: int
    chain_id: int = CHAIN_ID

    @property
    def url(self) -> str:
        """The JSON-RPC endpoint."""
        return f"http://127.0.0.1:{self.port}"


def start(
    directory: Path,
    *,
    port: int = DEFAULT_PORT,
    block_time: float | None = None,
    options: Sequence[str] = (),
    anvil: Path | None = None,
) -> Devnet:
    """Start the devnet of ``directory`` and return when it answers; one that runs is returned as it is.

    ``port`` 0 takes a free one. ``block_time`` makes a block every so many seconds besides those of
    transactions, so that time passes by itself. ``options`` go to anvil as they are.
    Raises :class:`ConfigurationError` (no anvil, port taken, unreadable state) or :class:`UnavailableError`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / "lock"):
        running_already = status(directory)
        if running_already is not None:
            return running_already
        executable = anvil or find_anvil()
        port = _free_port(port)
        command = [str(executable), *_arguments(directory, port, block_time), *options]
        pid = _spawn(command, directory / "anvil.log")
        devnet = Devnet(directory, pid, port)
        _write_pid_file(devnet)
        try:
            _wait_until_ready(devnet)
        except BaseException:
            _kill(pid)
            _forget(devnet)
            raise
        return devnet


def stop(directory: Path) -> bool:
    """End the devnet of ``directory``, its state saved; False when none was running."""
    if not directory.is_dir():
        return False
    with FileLock(directory / "lock"):
        devnet = _read_pid_file(directory)
        if devnet is None:
            return False
        if not _is_anvil(devnet.pid):
            _forget(devnet)
            return False
        os.kill(devnet.pid, signal.SIGTERM)
        if not _wait_until_gone(devnet.pid, STOP_TIMEOUT_SECONDS):
            # The state of at most a second ago is on disk; better that than a process left behind.
            _kill(devnet.pid)
        _forget(devnet)
        return True


def status(directory: Path) -> Devnet | None:
    """The devnet of ``directory`` if it runs and answers, else None."""
    devnet = _read_pid_file(directory)
    if devnet is None or not _is_anvil(devnet.pid) or not _answers(devnet.url):
        return None
    return devnet


@contextmanager
def running(directory: Path, *, port: int = 0, **options: Any) -> Iterator[Devnet]:
    """A devnet for the time of a ``with`` block, by default on a free port; for tests and demonstrations."""
    devnet = start(directory, port=port, **options)
    try:
        yield devnet
    finally:
        stop(directory)


def mine(url: str, blocks: int = 1) -> None:
    """Let ``blocks`` empty blocks pass on the devnet at ``url``. :class:`UnavailableError` if it does not."""
    _request(url, "anvil_mine", [hex(blocks)])


def fund(url: str, address: bytes, coins: int = 10_000) -> None:
    """Give an account of the devnet at ``url`` this balance. :class:`UnavailableError` if it does not."""
    _request(url, "anvil_setBalance", ["0x" + address.hex(), hex(coins * 10**18)])


def find_anvil() -> Path:
    """The devnet's executable: of this checkout's node tools, else of the PATH."""
    for folder in (Path(__file__).resolve().parents[2], Path.cwd()):
        candidate = folder / "node_modules" / ".bin" / "anvil"
        if candidate.is_file():
            return candidate
    found = shutil.which("anvil")
    if found is None:
        raise ConfigurationError(
            "devnet: anvil is not installed; run `npm ci --ignore-scripts` (or `make setup`) in the checkout,"
            " or put anvil on the PATH"
        )
    return Path(found)


def _arguments(directory: Path, port: int, block_time: float | None) -> list[str]:
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID), "--quiet"]
    arguments += ["--slots-in-an-epoch", "1", "--accounts", "5"]
    arguments += ["--state", str(directory / "state.json"), "--state-interval", "1"]
    # State proofs of recent blocks are to be had after a restart too.
    arguments += ["--preserve-historical-states", "--prune-history", str(KEPT_STATES)]
    if block_time is not None:
        arguments += ["--mixed-mining", "--block-time", str(block_time)]
    return arguments


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"devnet: port {port} is taken; name another one, or 0 for any free port"
            ) from error
        return int(probe.getsockname()[1])


def _spawn(command: Sequence[str], log: Path) -> int:
    """Start a process that outlives this one and takes no signal from its terminal; the process id.

    Not subprocess.Popen: whoever drops one of those before its process has ended is warned.
    """
    files: list[Any] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        return os.posix_spawn(command[0], list(command), os.environ, file_actions=files, setpgroup=0)
    except OSError as error:
        raise ConfigurationError(f"devnet: {command[0]} does not run here: {error.strerror}") from error


def _wait_until_ready(devnet: Devnet) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if _has_ended(devnet.pid):
            log = (devnet.directory / "anvil.log").read_text(errors="replace").strip()
            raise ConfigurationError(f"devnet: anvil ended at once: {log[-500:] or 'without a word'}")
        if _answers(devnet.url):
            return
        time.sleep(_POLL_SECONDS)
    raise UnavailableError(f"devnet: anvil does not answer at {devnet.url}")


def _wait_until_gone(pid: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if _has_ended(pid):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _has_ended(pid: int) -> bool:
    with suppress(ChildProcessError):  # not started by this process: then somebody else takes care of it
        os.waitpid(pid, os.WNOHANG)
    return not _is_anvil(pid)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _wait_until_gone(pid, STOP_TIMEOUT_SECONDS)


def _is_anvil(pid: int) -> bool:
    """Whether the process lives and is an anvil: a restart of the machine gives ids to others."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            name, state = stat.read_text().split("(", 1)[1].rsplit(") ", 1)
        except OSError:
            return False
    else:
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            ["/bin/ps", "-p", str(pid), "-o", "state=,comm="], capture_output=True, text=True, check=False
        )
        state, _, name = done.stdout.strip().partition(" ")
    return not state.startswith("Z") and Path(name.strip()).name.startswith("anvil")


def _answers(url: str) -> bool:
    try:
        return str(_request(url, "web3_clientVersion", [])).startswith("anvil/")
    except UnavailableError:
        return False


def _request(url: str, method: str, parameters: list[Any]) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310 - a local URL
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as response:
            answer = json.load(response)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"devnet: {method} at {url}: {error}", retry_after=1) from error
    if not isinstance(answer, dict) or "result" not in answer:
        raise UnavailableError(f"devnet: {method} at {url}: {answer}", retry_after=1)
    return answer["result"]


def _write_pid_file(devnet: Devnet) -> None:
    path = devnet.directory / "anvil.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"pid": devnet.pid, "port": devnet.port}) + "\n")
    fresh.replace(path)


def _read_pid_file(directory: Path) -> Devnet | None:
    try:
        content = json.loads((directory / "anvil.json").read_text())
        return Devnet(directory, int(content["pid"]), int(content["port"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _forget(devnet: Devnet) -> None:
    (devnet.directory / "anvil.json").unlink(missing_ok=True)
