"""Asking the log's owner over HTTP: a few at a time, patient with one that is busy, and never believing it.

Whatever goes wrong on the way becomes one of the errors of :mod:`ledger.errors`: who may not ask is
:class:`UnauthorisedError`, what is not there :class:`NotFoundError`, and a server that stays away
:class:`UnavailableError`, after which the same command goes on where it stopped.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import quote, urlsplit
from urllib.request import getproxies

from ledger.errors import (
    ConfigurationError,
    MalformedError,
    NotFoundError,
    UnauthorisedError,
    UnavailableError,
)
from ledger.mirror import signing
from ledger.mirror.form import MAX_PAGE_BYTES, Item, Page, read_page

if TYPE_CHECKING:
    import httpx2

    from ledger.proofs.note import Signer

#: Requests at a time: enough to keep a line full, few enough for a server that limits each caller.
AT_A_TIME: Final = 4
#: Tries of one request, and the longest wait between two: a server that restarts is back within minutes.
TRIES: Final = 8
LONGEST_WAIT: Final = 60.0
#: A page takes a server tenths of a second; a range of settlements some seconds where the log is busy.
TIMEOUT_SECONDS: Final = 120.0
_GOOD: Final = frozenset({200, 201, 202})
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Remote:
    """The service of one log at ``url``; ``key`` is the caller's API key. Use it as a context manager.

    ``signer`` signs each request, for a key that is bound to it. ``client`` and ``sleep`` are given by whoever has
    their own.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        signer: Signer | None = None,
        client: httpx2.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx2

        if urlsplit(url).scheme not in {"http", "https"}:
            raise ConfigurationError(f"{url!r}: not the address of a service; it begins with https://")
        self._url = url.rstrip("/")
        self._key = key
        self._signer = signer
        self._client = client or httpx2.Client(timeout=TIMEOUT_SECONDS, verify=_certificates(url))
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> bytes:
        """The body of ``path``, tried again while the server is busy."""
        return self._ask("GET", path, params=params)

    def post(self, path: str, body: bytes) -> bytes:
        """What a JSON document is answered with; for what is done once however often it is sent."""
        return self._ask("POST", path, body=body)

    def _ask(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: bytes = b""
    ) -> bytes:
        import httpx2

        reason = ""
        for attempt in range(TRIES):
            try:
                answer = self._client.send(self._request(method, path, params, body))
            except httpx2.TransportError as error:
                reason, wait = str(error) or type(error).__name__, None
            else:
                if answer.status_code in _GOOD:
                    if len(answer.content) > MAX_PAGE_BYTES:
                        raise MalformedError("answer", f"{path}: larger than {MAX_PAGE_BYTES} bytes")
                    return answer.content
                if answer.status_code not in _BUSY:
                    raise _refused(path, answer, posted=method == "POST")
                reason, wait = f"{path}: {answer.status_code}", answer.headers.get("Retry-After")
            if attempt + 1 < TRIES:
                self._sleep(_wait(attempt, wait))
        raise UnavailableError(f"{self._url} does not answer: {reason}; the same command goes on from here")

    def _request(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: bytes
    ) -> httpx2.Request:
        """Signed anew for each try: a signature is good for one request."""
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
        if body:
            headers["Content-Type"] = "application/json"
        request = self._client.build_request(
            method, self._url + path, params=params, headers=headers, content=body or None
        )
        if self._signer is not None and self._key is not None:
            request.headers.update(
                signing.headers(
                    self._signer, key=self._key, method=method, target=request.url.raw_path.decode("ascii"),
                    body=body, created=int(_now()), nonce=secrets.token_urlsafe(24),
                )
            )  # fmt: skip
        return request

    def pages(
        self, path: str, item: type[Item], params: Mapping[str, Any], *, cursor: str
    ) -> Iterator[Page[Item]]:
        """All pages from ``path``; ``cursor`` is the parameter that goes on."""
        asked = dict(params)
        while True:
            page = read_page(self.get(path, asked), item)
            yield page
            if page.next is None:
                return
            if page.next <= int(asked.get(cursor, -1)):
                raise MalformedError("mirror page", f"{path}: the cursor {page.next} does not go on")
            asked[cursor] = page.next

    def each(
        self, wanted: Iterable[_In], fetch: Callable[[_In], _Out], progress: Callable[[int, int], None]
    ) -> list[_Out]:
        """``fetch`` each, :data:`AT_A_TIME` together; the first error ends it."""
        todo, done = list(wanted), []
        with ThreadPoolExecutor(AT_A_TIME) as executor:
            futures = [executor.submit(fetch, one) for one in todo]
            try:
                for future in futures:
                    done.append(future.result())
                    progress(len(done), len(todo))
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                raise
        return done


def _now() -> float:
    """Seconds since 1970, for signatures."""
    return time.time()


def log_prefix(origin: str) -> str:
    """The path under which a service has the log of this origin, with a slash at its end."""
    dotted = any(segment in {"", ".", ".."} for segment in origin.split("/"))
    return f"/log/{quote(origin, safe='' if dotted else '/')}/"


def _certificates(url: str) -> ssl.SSLContext | bool:
    """Which certificates are believed: those of the system, which take longer to read than an answer does to come.

    None at all where no TLS is spoken: to an address with http:// that no proxy stands before.
    """
    if urlsplit(url).scheme == "https" or getproxies():
        return True
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _refused(path: str, answer: httpx2.Response, *, posted: bool) -> Exception:
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{answer.status_code}"
    if answer.status_code in {401, 403}:
        return UnauthorisedError(f"{path}: {detail}")
    if answer.status_code == 404:
        return NotFoundError(detail)
    if posted and answer.status_code in {400, 409, 422}:
        return ConfigurationError(f"{path}: {detail}")
    return UnavailableError(f"{path}: the server answers {answer.status_code}: {detail}")


def _wait(attempt: int, told: str | None) -> float:
    """Seconds before the next try: what the server says, else twice as long as before."""
    if told is not None and told.isdecimal():
        return min(float(told), LONGEST_WAIT)
    return float(min(0.5 * 2**attempt, LONGEST_WAIT))
