"""Who asks the services of a soak: clients of several habits, all of whom end with one acceptance for each event.

They are the client of the guide (``docs/samples/poolproof_client.py``) as it stands there, but that it soon goes to the
other process, as behind a balancer. Each try is counted by what came of it, so that a soak knows what it has met.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import random
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from urllib.response import addinfourl

from ledger.domain.events import read_submission
from ledger.domain.record import statement_bytes
from ledger.domain.statements import sign
from ledger.proofs.note import Signer
from tests import book
from tests.e2e.soak import RATE, ROOT

ORIGIN, PLATFORM, BANK = "soak.example/log", "fenqile", "bank-a"
BANK_KEY = Signer.from_seed(BANK, bytes([10]) * 32)
#: Loans whose one claim everybody wants to pledge.
CONTENDED = 3
#: Events of a batch that is answered at once, and of one that becomes a job.
BATCH_LOANS, JOB_LOANS = 40, 300
#: Batches that one process reads at a time (``api.intake.MAX_BATCHES``).
GATE = 8
#: Seconds after which a client that nobody answers has waited for too long: an answer that was lost with its process
#: takes two minutes to be done again, a job whose worker died one.
GIVE_UP = 400.0


def _sample() -> Any:
    spec = importlib.util.spec_from_file_location("sample", ROOT / "docs/samples/poolproof_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.TRIES = 4  # then the other process is asked
    return module


@dataclass
class Told:
    """What the clients were told: the acceptance of each event, and what came of every try."""

    acceptances: dict[str, dict[str, Any]] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    #: somebody failed: the others need not wait for what will not come
    failed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, acceptance: dict[str, Any]) -> None:
        """Keep an acceptance; another one of the same event would be a doubled event."""
        with self.lock:
            first = self.acceptances.setdefault(acceptance["id"], acceptance)
        assert first == acceptance, f"two acceptances: {first} and {acceptance}"

    def count(self, what: str) -> None:
        with self.lock:
            self.met[what] += 1

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count what comes of each try of the clients, which use urllib."""
        urllib.request.install_opener(urllib.request.build_opener(_Watch(self)))
        try:
            yield
        finally:
            urllib.request.install_opener(None)  # type: ignore[arg-type]  # as it was at the start


class _Watch(urllib.request.HTTPHandler):
    """One try: read to its end here, so that what breaks off in the middle is counted too."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self.told = told

    def http_open(self, req: urllib.request.Request) -> Any:
        try:
            answer = super().http_open(req)
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.told.count("dropped")
            raise
        code = f" {json.loads(body)['code']}" if answer.status >= 400 else ""
        self.told.count(f"{answer.status}{code}")
        read = addinfourl(BytesIO(body), answer.headers, answer.url, answer.status)
        read.msg = answer.reason  # type: ignore[attr-defined]  # what the layers above look at
        return read


class Client(threading.Thread):
    """A client with a habit of its own, :meth:`step`, until the stop; what was begun is brought to its end."""

    #: How often it does it at most: seconds between two steps.
    rest = 0.0

    def __init__(
        self, number: int, urls: Sequence[str], keys: dict[str, str], told: Told, stop: threading.Event
    ) -> None:
        self.name_of = f"{type(self).__name__}-{number}"
        super().__init__(name=self.name_of, daemon=True)
        sample = _sample()
        self.clients = {party: [sample.Client(url, key) for url in urls] for party, key in keys.items()}
        self.told = told
        self.stop = stop
        self.random = random.Random(self.name_of)
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Step after step until the stop."""
        try:
            n = 0
            while not self.stop.wait(self.rest):
                self.step(f"{self.name_of}-{n}", n)
                n += 1
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            self.failure = error
            self.told.failed.set()

    def step(self, name: str, n: int) -> None:
        raise NotImplementedError

    def ask(self, what: Callable[[Any], Any], party: str = PLATFORM) -> Any:
        """The answer of one of the processes; of another one where all tries of a client met a dead one."""
        return self.until(lambda: what(self.random.choice(self.clients[party])), passing=(404, 429, 503))

    def until(self, what: Callable[[], Any], *, passing: Sequence[int]) -> Any:
        """Ask until there is an answer that is none of those that pass: they may last longer than a client tries."""
        deadline = time.monotonic() + GIVE_UP
        while True:
            try:
                return what()
            except (OSError, http.client.HTTPException) as error:
                reason: Exception = error
            except RuntimeError as error:
                if not any(f": {status} " in str(error) for status in passing):
                    raise
                reason = error
            assert not self.told.failed.is_set(), "somebody else failed"
            assert time.monotonic() < deadline, f"{self.name_of}: nobody answers any more: {reason}"
            time.sleep(self.random.uniform(0.05, 0.2))

    def post(self, event: book.Event, party: str = PLATFORM) -> None:
        """Through whichever process; the client tries again there until it is back."""
        self.told.take(self.ask(lambda client: client.post_event(event), party))

    def post_batch(self, events: Sequence[book.Event], on_error: str = "report") -> dict[str, Any]:
        """The report of a batch, all of whose acceptances are kept."""
        report: dict[str, Any] = self.ask(lambda client: client.post_batch(events, on_error))
        for line in report["accepted"]:
            self.told.take(line["acceptance"])
        return report


class Platform(Client):
    """Loans event by event, pledges of claims that others want too, events sent twice or without waiting, receipts."""

    def step(self, name: str, n: int) -> None:
        events = [*book.loans(1, prefix=f"{name}-")]
        for event in events:
            if self.random.random() < 0.1:
                self.hang_up(event)
            self.post(event)
        self.post(self.random.choice(events))
        if self.random.random() < 0.2:
            first, again = (self.ask(lambda client: client.receipt(events[0]["id"])) for _ in range(2))
            assert first == again, "a receipt is the same bytes, whoever answers"
        if n % 3 == 0:
            self.pledge(f"shared-{self.random.randrange(CONTENDED)}", name)

    def hang_up(self, event: book.Event) -> None:
        """Go away before the answer."""
        client = self.random.choice(self.clients[PLATFORM])
        headers = {"Authorization": f"Bearer {client.key}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=10)
        with suppress(OSError):
            connection.request("POST", "/v1/events", json.dumps(event).encode(), headers)
            time.sleep(self.random.choice((0, 0.005, 0.05)))
            self.told.count("hung up")
        connection.close()

    def pledge(self, loan: str, name: str) -> None:
        """Take a claim's whole share, which others may hold just now; the bank gives it back."""
        pledge = book.pledged("pool", BANK, (loan, "c1", 1_000_000), id=f"{name}.pledge")
        self.until(lambda: self.post(pledge), passing=(409,))
        data = {"claims": [{"loan": loan, "claim": "c1", "share": 1_000_000}]}
        release = book.event("claim.released", "pool:pool", data, id=f"{name}.release", party=BANK)
        statement = statement_bytes(ORIGIN, read_submission(release))
        self.post(release | {"sig": sign(BANK_KEY, statement)}, BANK)


class Batcher(Client):
    """Batches in both modes, some with a line that is refused, some sent again."""

    rest = 0.5

    def step(self, name: str, n: int) -> None:
        events = [*book.loans(BATCH_LOANS, prefix=f"{name}-")]
        if n % 2:
            report = self.post_batch(events, "abort")
            assert report["rejected"] == []
        else:
            bad = self.random.randrange(len(events))
            events.insert(bad, {"id": f"{name}.bad", "type": "none"})
            report = self.post_batch(events)
            assert [one["line"] for one in report["rejected"]] == [bad + 1]
            del events[bad]
        assert [line["acceptance"]["id"] for line in report["accepted"]] == [one["id"] for one in events]
        if n % 5 == 0:
            again = self.post_batch(events)
            assert again["counts"] == {"accepted": 0, "repeated": len(events), "rejected": 0}


class Bulk(Client):
    """Batches too large to be answered at once."""

    rest = 3.0

    def step(self, name: str, n: int) -> None:
        events = [*book.loans(JOB_LOANS, prefix=f"{name}-")]
        while True:
            try:
                report = self.post_batch(events, ("abort", "report")[n % 2])
                break
            except RuntimeError as error:
                if "given up" not in str(error):
                    raise
                # Three workers died over it, which the queue takes for its doing: it is handed in once more.
                self.told.count("job given up")
        assert len(report["accepted"]) == len(events)
        self.told.count("job done")


class Hasty(Client):
    """Asks until it is turned away for that, then posts an event, with a key that others do not use."""

    def step(self, name: str, n: int) -> None:
        event = book.originated(name)
        client = self.random.choice(self.clients[PLATFORM])
        for _ in range(2 * RATE):
            try:
                client.request("GET", "/v1/events/none", again=())
            except RuntimeError as error:
                if ": 429 " in str(error):
                    break
                if not any(f": {status} " in str(error) for status in (404, 503)):
                    raise
            except (OSError, http.client.HTTPException):
                break
            if self.stop.is_set():
                break
        self.until(lambda: self.told.take(client.post_event(event)), passing=(429, 503))


class Twins(Client):
    """The same request twice at once, one to each process; two statements under one id at once."""

    rest = 0.5

    def step(self, name: str, n: int) -> None:
        with ThreadPoolExecutor(2) as both:
            self.same_key(name, both)
            self.same_id(name, both)

    def same_key(self, name: str, both: ThreadPoolExecutor) -> None:
        """Under one ``Idempotency-Key``: done once, and both are told so, if need be after 409."""
        body = json.dumps(book.originated(f"{name}-key")).encode()
        headers = {"Idempotency-Key": f"{name}-key"}

        def ask(client: Any) -> Any:
            post = lambda: client.request("POST", "/v1/events", body, headers=headers)  # noqa: E731
            return json.loads(self.until(post, passing=(409, 429, 503)))

        for acceptance in both.map(ask, self.clients[PLATFORM]):
            self.told.take(acceptance)

    def same_id(self, name: str, both: ThreadPoolExecutor) -> None:
        """One of them is accepted and the other one refused, now and when they come again."""
        events = [book.originated(f"{name}-id{one}") | {"id": f"{name}.id"} for one in (1, 2)]

        def ask(client: Any, event: book.Event) -> Any:
            try:
                return self.until(lambda: client.post_event(event), passing=(429, 503))
            except RuntimeError as error:
                if ": 409 " not in str(error):
                    raise
                return None

        first = list(both.map(ask, self.clients[PLATFORM], events))
        again = list(both.map(ask, reversed(self.clients[PLATFORM]), events))
        assert first == again
        [accepted] = [one for one in first if one is not None]
        self.told.take(accepted)


class Crowd(Client):
    """More batches at once than a process reads, all of them slow."""

    rest = 4.0

    def step(self, name: str, n: int) -> None:
        batches = [[*book.loans(1, prefix=f"{name}-{one}-")] for one in range(GATE + 1)]
        client = self.random.choice(self.clients[PLATFORM])
        held = [self.half(client, batch) for batch in batches[:-1]]
        time.sleep(0.5)
        with suppress(OSError, http.client.HTTPException, RuntimeError):
            lines = b"".join(json.dumps(event).encode() + b"\n" for event in batches[-1])
            client.request(
                "POST", "/v1/events", lines, again=(), headers={"Content-Type": "application/x-ndjson"}
            )
        for connection, rest in held:
            with suppress(OSError, http.client.HTTPException):
                connection.send(rest)
                connection.getresponse().read()
            connection.close()
        for batch in batches:
            self.post_batch(batch)

    def half(self, client: Any, batch: list[book.Event]) -> tuple[http.client.HTTPConnection, bytes]:
        """A batch of which one half is sent, and the other half."""
        lines = b"".join(json.dumps(event).encode() + b"\n" for event in batch)
        connection = http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=30)
        headers = {
            "Authorization": f"Bearer {client.key}", "Content-Type": "application/x-ndjson",
            "Content-Length": str(len(lines)),
        }  # fmt: skip
        with suppress(OSError):
            connection.request("POST", "/v1/events", lines[:100], headers)
        return connection, lines[100:]
