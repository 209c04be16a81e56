"""What is handed in to be worked off later: durable before it is answered for. Batches of events are appended by a job.

What is handed in may hold private fields, so its pieces are sealed under a secret of the job, and both are gone when
the job ends. What came of each line stays as long as the job: refusals with their reasons, accepted events by their
index, from which their acceptances are made again.

A job that was begun twice finds the events that the first attempt accepted: they count as repeated.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ledger import jobs
from ledger.batches import BatchWriter
from ledger.domain.calendar import format_instant
from ledger.errors import NotFoundError, RefusedError, UndeterminedError
from ledger.store import jobs as queue
from ledger.store import logs
from ledger.vault import seal_bytes, unseal_bytes

if TYPE_CHECKING:
    from ledger.append import Accepted
    from ledger.log import Ledger
    from ledger.store import ReadConnection, WriteConnection
    from ledger.store.jobs import JobRow
    from ledger.store.logs import LogRow

KIND: Final = "events"
#: Large enough that a day's file is some dozens of rows, small enough to hold a few at a time.
PIECE_BYTES: Final = 1 << 20

#: Lines of a batch. The shortest event has some 80 bytes, so more of them in the largest batch are no events, and each
#: costs a worker more memory than it has bytes.
MAX_LINES: Final = 1_000_000
#: Refused lines after which a batch is given up: whoever sent so many learns nothing from more of them.
MAX_REFUSED: Final = 50_000

OnError = Literal["abort", "report"]


class Upload:
    """One batch while it arrives: :meth:`put` its bytes in their order, then :meth:`finish` or :meth:`drop` it."""

    def __init__(self, ledger: Ledger, *, party: str, kind: str = KIND, request: Mapping[str, Any]) -> None:
        """Begin it. Raises :class:`TooManyError` where the party has too many unfinished jobs."""
        self._ledger = ledger
        self._request = dict(request)
        self._pieces = 0
        self._size = 0
        self._last = b"\n"
        self._lines = 0
        self.id = jobs.new_id(kind)
        self._secret, wrapped = ledger.vault.new_secret(self.id)
        with ledger.store.write() as connection:
            log_id = logs.get(connection, ledger.origin).id
            jobs.check_room(connection, log_id, party)
            queue.add(
                connection, log_id, self.id, kind=kind, party=party, request=self._request,
                created=format_instant(ledger.clock()), state="receiving", secret=wrapped,
            )  # fmt: skip

    def put(self, data: bytes) -> None:
        """Store some bytes, durably. Raises :class:`RefusedError` where there are more lines than events could be."""
        if not data:
            return
        if self._lines + data.count(b"\n") > MAX_LINES:
            raise RefusedError("", f"a batch has at most {MAX_LINES:,} lines", rule="too_many_lines")
        sealed = seal_bytes(self._secret, _place(self.id, self._pieces), data)
        with self._ledger.store.write() as connection:
            queue.put_part(connection, self.id, "body", self._pieces, sealed)
        self._pieces += 1
        self._size += len(data)
        self._lines += data.count(b"\n")
        self._last = data[-1:]

    def finish(self) -> str:
        """All of it is there: hand it to the workers. Returns the job's id."""
        lines = self._lines + (self._last != b"\n")
        request = {**self._request, "lines": lines, "bytes": self._size}
        with self._ledger.store.write() as connection:
            queue.received(connection, self.id, request)
        return self.id

    def drop(self) -> None:
        """It broke off: nothing of it stays."""
        with self._ledger.store.write() as connection:
            queue.drop(connection, self.id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the lines of a batch: (line, index, repeated) of accepted ones, the refusals of others."""

    accepted: list[tuple[int, int, bool]]
    rejected: list[dict[str, Any]]


def outcome(connection: ReadConnection, log: LogRow, job_id: str, *, party: str) -> Outcome:
    """Raises what :func:`stored_outcome` raises."""
    document = json.loads(stored_outcome(connection, log, job_id, kind=KIND, party=party))
    return Outcome(
        [(line, index, again) for line, index, again in document["accepted"]], document["rejected"]
    )


def stored_outcome(connection: ReadConnection, log: LogRow, job_id: str, *, kind: str, party: str) -> bytes:
    """What :func:`store_outcome` stored.

    Raises :class:`NotFoundError` for no such job of this party, :class:`UndeterminedError` before its end.
    """
    job = queue.get(connection, log.id, job_id)
    if job is None or job.kind != kind or job.party != party or job.state == "receiving":
        raise NotFoundError(f"no job {job_id!r} in this log")
    if job.state != "done":
        raise UndeterminedError(f"job {job_id} has no report: it is {job.state}")
    return zlib.decompress(b"".join(queue.parts(connection, job_id, "outcome")))


def store_outcome(connection: WriteConnection, job_id: str, document: bytes) -> None:
    """Keep what came of a job for as long as the job."""
    packed = zlib.compress(document)
    for n, start in enumerate(range(0, len(packed), PIECE_BYTES)):
        queue.put_part(connection, job_id, "outcome", n, packed[start : start + PIECE_BYTES])


def pieces(ledger: Ledger, job: JobRow) -> Iterator[bytes]:
    """What was handed in, piece by piece, each read by itself: a long reader would keep the database large."""
    assert job.secret is not None
    store, secret = ledger.store, ledger.vault.unwrap(job.secret, job.id)
    with store.read() as connection:
        count = queue.count_parts(connection, job.id, "body")
    for n in range(count):
        with store.read() as connection:
            sealed = queue.part(connection, job.id, "body", n)
        yield unseal_bytes(secret, _place(job.id, n), sealed)


class Intake:
    """Works batches off, ``batch`` events in a transaction with ``report``, all in one with ``abort``."""

    def __init__(self, ledger: Ledger, *, batch: int) -> None:
        self._ledger = ledger
        self._batch = batch

    def perform(self, job: JobRow, progress: jobs.Progress) -> jobs.Finish:
        """The handler of jobs of kind ``events``; the first refusal is raised with ``abort``, and nothing is stored."""
        found = Outcome([], [])

        def told(line: int | None, name: str | None, what: Accepted | RefusedError) -> None:
            assert line is not None
            if isinstance(what, RefusedError):
                what.line = line
                if len(found.rejected) >= MAX_REFUSED:
                    reason = f"more than {MAX_REFUSED:,} lines are refused; those accepted before stay"
                    raise RefusedError("", reason, rule="too_many_refused", line=line)
                found.rejected.append({**jobs.problem_of(what), "id": name})
            else:
                found.accepted.append((line, what.index, what.repeated))

        on_error: OnError = job.request["on_error"]
        writer = BatchWriter(
            self._ledger, party=job.party, on_error=on_error, dry_run=False, batch=self._batch, told=told
        )
        total = int(job.request["lines"])
        progress("events", 0, total)
        for line, event in enumerate(_lines(pieces(self._ledger, job)), 1):
            writer.add(event, line)
            if on_error == "report" and line % self._batch == 0:
                progress("events", line, total)
        writer.finish()

        def finish(connection: WriteConnection) -> dict[str, Any]:
            document = {"accepted": found.accepted, "rejected": found.rejected}
            store_outcome(connection, job.id, json.dumps(document).encode())
            repeated = sum(again for _, _, again in found.accepted)
            return {
                "accepted": len(found.accepted) - repeated,
                "repeated": repeated,
                "rejected": len(found.rejected),
            }

        return finish


def _place(job_id: str, n: int) -> str:
    return f"{job_id}/{n}"


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines as they stand, empty ones too, so that numbers are those of the sender's file."""
    rest = bytearray()
    for piece in pieces:
        first, *others = piece.split(b"\n")
        rest += first
        if others:
            yield bytes(rest)
            yield from others[:-1]
            rest = bytearray(others[-1])
    if rest:
        yield bytes(rest)
