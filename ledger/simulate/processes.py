"""Shares of a simulation in processes of their own.

Each sends its days through a pipe, and waits while that is full: so it is never more than a few days ahead of who
reads, and memory stays flat.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Final

from ledger.collector import collector_paused
from ledger.simulate.course import Course
from ledger.simulate.frauds import Frauds
from ledger.simulate.options import Options
from ledger.simulate.share import Share, ShareDay

#: Loans from which on other processes save more time than it takes to start them.
_WORTH_SHARING: Final = 20_000
#: Bytes that a pipe holds, where that can be said: a few days of a large book, so that nobody waits while others work.
_AHEAD: Final = 1 << 20


def sensible(loans: int) -> int:
    """How many processes to use for a book of so many loans: one, or as many as there are cores."""
    return (os.cpu_count() or 1) if loans >= _WORTH_SHARING else 1


@contextmanager
def shares(options: Options, count: int) -> Iterator[list[Iterator[ShareDay]]]:
    """The days of ``count`` shares beside share 0, each worked out by a process of its own."""
    # Spawned, not forked: threads may be running.
    context = multiprocessing.get_context("spawn")
    connections: list[Connection] = []
    workers = []
    try:
        for number in range(1, count + 1):
            reading, writing = context.Pipe(duplex=False)
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                with suppress(OSError):  # the system allows less
                    fcntl.fcntl(writing.fileno(), fcntl.F_SETPIPE_SZ, _AHEAD)
            worker = context.Process(
                target=_run, args=(options, number, count, writing), name=f"simulate-{number}", daemon=True
            )
            worker.start()
            writing.close()  # so that the end of the worker is the end of what is read
            connections.append(reading)
            workers.append(worker)
        yield [_days(connection) for connection in connections]
    finally:
        for worker, connection in zip(workers, connections, strict=True):
            worker.terminate()
            worker.join()
            connection.close()


def _run(options: Options, number: int, count: int, writing: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever reads ends this process
    share = Share(options, Frauds(options), number, count)
    with collector_paused():
        for today in Course(options):
            writing.send(share.day(today))


def _days(connection: Connection) -> Iterator[ShareDay]:
    while True:
        yield connection.recv()
