from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ledger.webhooks.guard import Guard
from ledger.webhooks.sending import Answer, Sender
from tests.webhooks.receiving import LOOPBACK, Receiver, certificate, receiving, saying

NAME = "hooks.test"


def resolving(*answers: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """A resolver that gives one answer after the other, the last for ever."""
    left = list(answers)
    return lambda _host, _port: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def sender() -> Sender:
    return Sender(Guard(LOOPBACK, resolver=resolving(["127.0.0.1"])), seconds=5)


def test_what_is_sent_arrives(receiver: Receiver, sender: Sender) -> None:
    body = '{"名":"😀"}'.encode()
    assert sender.post(receiver.url("/in?a=b", "hooks.test"), {"webhook-id": "msg_1"}, body) == Answer(
        status=204
    )
    [got] = receiver.got
    assert (got.path, got.body) == ("/in?a=b", body)
    assert got.headers == {
        "host": f"hooks.test:{receiver.port}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "user-agent": "Poolproof-Webhooks/1",
        "connection": "close",
        "webhook-id": "msg_1",
    }


def test_the_answer_is_its_status(receiver: Receiver, sender: Sender) -> None:
    receiver.answer(503, Retry_After="120")
    assert sender.post(receiver.url(), {}, b"{}") == Answer(status=503, retry_after="120")


def test_redirects_are_not_followed(receiver: Receiver, sender: Sender) -> None:
    with receiving() as other:
        receiver.answer(307, Location=other.url())
        assert sender.post(receiver.url(), {}, b"{}").status == 307
        assert other.got == []


def test_a_flood_is_not_read(receiver: Receiver, sender: Sender) -> None:
    receiver.answer(200, body=b"x" * 8_000_000)
    assert sender.post(receiver.url(), {}, b"{}").delivered


def test_a_proxy_of_the_environment_is_not_asked(
    receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert sender.post(receiver.url(), {}, b"{}").delivered


def test_a_slow_answer_ends_with_the_deadline() -> None:
    """A byte now and then would keep every single timeout from running out."""
    drop = threading.Event()
    with saying(*[b"HTTP/1.1 200 OK\r\n", *[b"x"] * 1_000], pause=lambda: drop.wait(0.05)) as port:
        answer = Sender(Guard(LOOPBACK), seconds=0.5).post(f"http://127.0.0.1:{port}/", {}, b"{}")
        drop.set()
    assert answer == Answer(error="no answer within 0.5 s")


def test_what_another_protocol_says_is_not_shown(sender: Sender) -> None:
    with saying(b"SSH-2.0-secret banner\r\n") as port:
        answer = sender.post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer == Answer(error="what answered does not speak HTTP/1.1")


def test_a_connection_that_breaks_is_an_answer(sender: Sender) -> None:
    with saying() as port:
        assert sender.post(f"http://127.0.0.1:{port}/", {}, b"{}").error is not None
    assert "connection failed" in (sender.post(f"http://127.0.0.1:{port}/", {}, b"{}").error or "")


def test_the_next_address_is_tried(receiver: Receiver) -> None:
    sender = Sender(Guard(LOOPBACK, resolver=resolving(["127.77.0.1", "127.0.0.1"])), seconds=5)
    assert sender.post(receiver.url(host=NAME), {}, b"{}").delivered


def test_each_attempt_is_guarded(receiver: Receiver) -> None:
    """A name that was allowed when it was looked up first (DNS rebinding)."""
    guard = Guard(LOOPBACK, resolver=resolving(["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]))
    guard.receiver(receiver.url(host=NAME))
    sender = Sender(guard)
    assert "link-local" in (sender.post(receiver.url(host=NAME), {}, b"{}").error or "")
    assert "private" in (sender.post(receiver.url(host=NAME), {}, b"{}").error or "")
    assert receiver.got == []


def test_the_address_that_was_checked_is_the_one_connected_to(receiver: Receiver) -> None:
    """The name is resolved once for an attempt: a second answer has nobody who asks for it."""
    asked: list[str] = []

    def resolver(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    assert Sender(Guard(LOOPBACK, resolver=resolver)).post(receiver.url(host=NAME), {}, b"{}").delivered
    assert asked == [NAME]


class Secured:
    """A TLS receiver for one name, and clients that trust it."""

    def __init__(self, folder: Path) -> None:
        pem, key = certificate(NAME)
        (folder / "cert.pem").write_bytes(pem)
        (folder / "key.pem").write_bytes(key)
        self.names: list[str | None] = []
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.server.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.client = ssl.create_default_context(cadata=pem.decode())


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    return Secured(tmp_path_factory.mktemp("tls"))


def test_tls_is_with_the_name_at_the_checked_address(secured: Secured) -> None:
    with receiving(secured.server) as receiver:
        guard = Guard(LOOPBACK, resolver=resolving(["127.0.0.1"], ["10.0.0.1"]))
        answer = Sender(guard, tls=secured.client).post(receiver.url(host=NAME), {}, b"{}")
    assert answer == Answer(status=204)
    assert secured.names[-1] == NAME
    assert receiver.got[0].headers["host"] == f"{NAME}:{receiver.port}"


@pytest.mark.parametrize(("host", "trusted"), [("other.test", True), (NAME, False)])
def test_a_certificate_must_be_trusted_and_of_that_name(secured: Secured, host: str, trusted: bool) -> None:
    with receiving(secured.server) as receiver:
        guard = Guard(LOOPBACK, resolver=resolving(["127.0.0.1"]))
        answer = Sender(guard, tls=secured.client if trusted else None).post(
            receiver.url(host=host), {}, b"{}"
        )
    assert answer.status is None
    assert "CERTIFICATE_VERIFY_FAILED" in (answer.error or "")
    assert receiver.got == []
