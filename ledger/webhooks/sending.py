"""One signed request to one receiver: bounded in time, to an address that was checked, without redirects.

The network is reached through a backend of our own under the HTTP client, for two reasons: it connects to the
addresses that the guard has checked, while URL, ``Host`` and the name in TLS stay the receiver's; and one deadline
bounds the whole exchange, where timeouts of single reads would let a receiver that sends a byte now and then
hold the worker for hours.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import httpcore2

from ledger.errors import RefusedError, UnavailableError
from ledger.webhooks.guard import Guard, Receiver

#: For one whole attempt. What a receiver does with a message it shall do after it has answered.
ATTEMPT_SECONDS: Final = 15.0
#: For one address to take the connection, so that a second one has its turn.
_CONNECT_SECONDS: Final = 5.0
#: Of an answer only the status and `Retry-After` count. A little of the body is read, so that a receiver does not see a
#: connection that breaks; nothing of it is kept: whoever sets the URL shall not read by it what we can reach.
_MAX_DRAINED: Final = 16 * 1024
USER_AGENT: Final = "Poolproof-Webhooks/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of an attempt: a status, or (None) why there is none."""

    status: int | None = None
    retry_after: str | None = None
    error: str | None = None

    @property
    def delivered(self) -> bool:
        """The receiver has it."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Posts to receivers that ``guard`` lets through; ``tls`` where another trust than the system's is wanted."""

    def __init__(
        self, guard: Guard, *, tls: ssl.SSLContext | None = None, seconds: float = ATTEMPT_SECONDS
    ) -> None:
        self._guard = guard
        self._given_tls = tls
        self._seconds = seconds

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made by the first post over TLS: to read the system's certificates takes longer than to send."""
        return self._given_tls or ssl.create_default_context()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send it once. Whatever goes wrong is in the answer; nothing is raised."""
        try:
            receiver = self._guard.receiver(url)
        except (RefusedError, UnavailableError) as error:
            return Answer(error=str(error))
        try:
            return self._exchange(receiver, headers, body)
        except httpcore2.TimeoutException:
            return Answer(error=f"no answer within {self._seconds:g} s")
        except (httpcore2.NetworkError, ValueError) as error:  # the second: a name that TLS cannot ask for
            return Answer(error=f"the connection failed: {error}" if str(error) else "the connection broke")
        except (httpcore2.ProtocolError, httpcore2.UnsupportedProtocol):
            # The reason would show what the other side said; see _MAX_DRAINED.
            return Answer(error="what answered does not speak HTTP/1.1")

    def _exchange(self, receiver: Receiver, headers: Mapping[str, str], body: bytes) -> Answer:
        place = receiver.place
        fixed = {
            "Host": place.authority,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "User-Agent": USER_AGENT,
            "Connection": "close",
        }
        url = httpcore2.URL(
            scheme=place.scheme.encode(),
            host=place.host.encode(),
            port=place.port,
            target=place.target.encode(),
        )
        tls = self._tls if place.scheme == "https" else None
        deadline = _Deadline(self._seconds)
        backend = _Checked(receiver, deadline)
        with (
            httpcore2.ConnectionPool(ssl_context=tls, network_backend=backend) as pool,
            pool.stream(
                "POST",
                url,
                headers=[(name.encode(), value.encode()) for name, value in {**fixed, **headers}.items()],
                content=body,
            ) as response,
        ):
            answer = Answer(status=response.status, retry_after=_header(response, b"retry-after"))
            _drain(response)
        return answer


def _header(response: httpcore2.Response, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in response.headers if name.lower() == wanted), None)


def _drain(response: httpcore2.Response) -> None:
    """Read a little of the body; the receiver's word is its status, so what happens here changes nothing."""
    drained = 0
    try:
        for part in response.iter_stream():
            drained += len(part)
            if drained > _MAX_DRAINED:
                return
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        return


class _Deadline:
    """The moment by which all must be done."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then; raises :class:`httpcore2.TimeoutException` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.TimeoutException
        return left


class _Checked(httpcore2.NetworkBackend):
    """Connects to the receiver's checked addresses in turn, whatever host is asked for."""

    def __init__(self, receiver: Receiver, deadline: _Deadline) -> None:
        self._receiver = receiver
        self._deadline = deadline
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - resolved already
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline goes before it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """The first address that takes the connection."""
        failed: Exception = httpcore2.ConnectError("it has no address")
        for address in self._receiver.addresses:
            try:
                stream = self._sockets.connect_tcp(
                    str(address),
                    port,
                    min(_CONNECT_SECONDS, self._deadline.left()),
                    local_address,
                    socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return _Bounded(stream, self._deadline)
        raise failed


class _Bounded(httpcore2.NetworkStream):
    """A stream that ends with the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read, in what time is left."""
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write, in what time is left."""
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        """Shake hands, in what time is left."""
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _Bounded(secured, self._deadline)

    def get_extra_info(self, info: str) -> object:
        """What the stream says of itself."""
        return self._stream.get_extra_info(info)
