"""JSON-RPC to a node: raw requests in, raw results out, and every failure with a meaning.

Requests go through web3's HTTP provider and not through its formatters: those refuse the blocks of QBFT
and PBFT chains, whose ``extraData`` is longer than 32 bytes, and lose header fields they do not know.
This module and :mod:`ledger.chain.keystore` are the only ones that import web3, and only when first used
(it takes two seconds).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ledger.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from web3 import HTTPProvider
    from web3.types import RPCEndpoint

#: A node that needs longer than this for one request is as good as down; the next step asks again.
DEFAULT_TIMEOUT_SECONDS = 10.0

#: What nodes answer to a method they do not have (JSON-RPC 2.0, EIP-1474, and Besu's "method not enabled").
_NO_SUCH_METHOD = frozenset({-32601, -32004, -32604})
_TOO_MANY_REQUESTS = frozenset({-32005, 429})

#: A block by number, or by one of the names that nodes know.
BlockId = int | str


class RpcRefusal(Exception):  # noqa: N818 - not an error of the package: it never leaves ledger.chain
    """The node answered with an error object. ``data`` is the revert data, where there is any."""

    def __init__(self, method: str, code: int, message: str, data: bytes | None) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.method = method
        self.code = code
        self.message = message
        self.data = data

    @property
    def unsupported(self) -> bool:
        """True where the node does not have the method at all."""
        text = self.message.lower()
        return self.code in _NO_SUCH_METHOD or "method not found" in text or "not supported" in text


class Rpc:
    """One endpoint. ``request`` returns the ``result`` member as decoded JSON.

    Raises :class:`UnavailableError` when the node does not answer, :class:`RpcRefusal` when it refuses.
    """

    def __init__(self, url: str, *, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError("chain endpoint: give an http:// or https:// URL of a JSON-RPC node")
        self._url = url
        self._timeout = timeout
        self._provider: HTTPProvider | None = None
        #: For messages: user, password, path and query may be secrets.
        self.name = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        """One request; no parameters where none are given."""
        try:
            answer: Any = self._connected().make_request(cast("RPCEndpoint", method), list(params))
        except (OSError, ValueError) as error:
            # requests' errors are OSErrors; a body that is no JSON is a ValueError.
            refusal = _refusal_in_body(error)
            if refusal is None:
                reason = _reason(error)
                raise UnavailableError(
                    f"the chain node {self.name} does not answer {method}: {reason}"
                ) from error
            answer = refusal
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise UnavailableError(
                f"the chain node {self.name} answers {method} with something that is not JSON-RPC"
            )
        failure: Any = answer.get("error")
        if failure:
            self._refuse(method, failure)
        return answer.get("result")

    def close(self) -> None:
        """Give the connections back."""
        if self._provider is not None:
            manager: Any = self._provider._request_session_manager
            for session in list(manager.session_cache._data.values()):
                session.close()
            manager.session_pool.shutdown(wait=False)
            self._provider = None

    def _connected(self) -> HTTPProvider:
        if self._provider is None:
            from web3 import HTTPProvider

            # No retries in here: the outbox repeats its own steps, and a command should fail at once.
            self._provider = HTTPProvider(
                self._url, request_kwargs={"timeout": self._timeout}, exception_retry_configuration=None
            )
        return self._provider

    def _refuse(self, method: str, failure: Any) -> None:
        if not isinstance(failure, dict):
            failure = {"message": str(failure)}
        code = failure.get("code")
        message = str(failure.get("message", "no reason given"))
        if code in _TOO_MANY_REQUESTS and "nonce" not in message:
            raise UnavailableError(f"the chain node {self.name} limits our rate: {message}", retry_after=30)
        raise RpcRefusal(
            method, code if isinstance(code, int) else 0, message, _revert_data(failure.get("data"))
        )


def _revert_data(data: Any) -> bytes | None:
    """Revert data in the places where nodes put it: a hex string, inside an object, behind a word."""
    if isinstance(data, dict):
        for value in (data.get("data"), data.get("output"), *data.values()):
            found = _revert_data(value)
            if found is not None:
                return found
        return None
    if not isinstance(data, str):
        return None
    text = data.removeprefix("Reverted ").strip()
    if not text.startswith("0x"):
        return None
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        return None


def _refusal_in_body(error: Exception) -> dict[str, Any] | None:
    """Some nodes send their JSON-RPC errors with status 400 or 500."""
    response = getattr(error, "response", None)
    if response is None or response.status_code == 429:
        return None
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) and "error" in body else None


def _reason(error: Exception) -> str:
    """One line without the URL."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if isinstance(error, ValueError):
        return "the answer is not JSON"
    text = type(error).__name__
    return {
        "ConnectionError": "no connection",
        "ConnectTimeout": "no connection in time",
        "ReadTimeout": "no answer in time",
    }.get(text, text)


def to_hex(data: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + data.hex()


def from_hex(text: str) -> bytes:
    """Bytes as JSON-RPC writes them."""
    return bytes.fromhex(text.removeprefix("0x"))


def to_int(value: Any) -> int:
    """A quantity; some consortium chains write plain numbers."""
    return value if isinstance(value, int) else int(value, 16)


def block_id(block: BlockId) -> str:
    """A block's number or name as a parameter."""
    return hex(block) if isinstance(block, int) else block
