"""A load generator in a process of its own: connections that send prepared requests as fast as they are answered.

    python scripts/bench_sets/load.py HOST PORT CLIENTS FILE

FILE has the requests, each as four bytes of length and its bytes. Every client sends the next one as soon as it has its
answer, so that a rate comes with its latency: clients / rate. Prints one JSON document. It costs some 0.1 ms of CPU a
request, of the same cores as the service.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import uvloop

_LENGTH = struct.Struct(">I")


def pack(requests: Iterable[bytes]) -> bytes:
    """Requests as the file holds them."""
    return b"".join(_LENGTH.pack(len(one)) + one for one in requests)


def unpack(data: bytes) -> list[bytes]:
    """The requests of a file."""
    found, at = [], 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        found.append(data[at : at + length])
        at += length
    return found


class Client(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, requests: Iterator[bytes], seconds: list[float], statuses: Counter[str]) -> None:
        self.requests = requests
        self.seconds = seconds
        self.statuses = statuses
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = bytearray()
        self.need: int | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self.send()

    def send(self) -> None:
        """Send the next request, or end."""
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            return
        self.buffer.clear()
        self.need = None
        self.started = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self.buffer += data
        if self.need is None:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            at = self.buffer.index(b"content-length: ") + 16
            self.need = head + 4 + int(self.buffer[at : self.buffer.index(b"\r", at)])
        if len(self.buffer) >= self.need:
            self.seconds.append(time.perf_counter() - self.started)
            self.statuses[self.buffer[9:12].decode()] += 1
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        """End, with the fault if there was one."""
        if error is not None:
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)


async def run(host: str, port: int, clients: int, requests: list[bytes]) -> dict[str, Any]:
    """Send all requests and say how long each took."""
    queue, seconds, statuses = iter(requests), list[float](), Counter[str]()
    loop = asyncio.get_running_loop()
    started, before = time.perf_counter(), time.process_time()
    made = [
        await loop.create_connection(lambda: Client(queue, seconds, statuses), host, port)
        for _ in range(clients)
    ]
    await asyncio.gather(*(client.ended for _, client in made))
    took, cpu = time.perf_counter() - started, time.process_time() - before
    seconds.sort()
    return {
        "requests": len(seconds),
        "clients": clients,
        "statuses": dict(statuses),
        "seconds": took,
        "requests_per_second": round(len(seconds) / took),
        "p50_ms": round(seconds[len(seconds) // 2] * 1e3, 1),
        "p99_ms": round(seconds[len(seconds) * 99 // 100] * 1e3, 1),
        "max_ms": round(seconds[-1] * 1e3, 1),
        "generator_cpu_seconds": round(cpu, 2),
    }


if __name__ == "__main__":
    host, port, clients, file = sys.argv[1:]
    job = run(host, int(port), int(clients), unpack(Path(file).read_bytes()))
    print(json.dumps(uvloop.run(job)))
