"""A file about a pool, compared with its records and, where asked for, recorded: the one door of every caller.

The command line, the API and the portal come here. The file is read as its form says, compared at its cut-off
(:mod:`ledger.audit.reconcile`), and what is new of it is recorded by the party that posts it: ``tape.received`` with
the file's digest, and ``break.opened`` for each break that the log has not; all of it, or nothing.

Of the file itself nothing is kept but its digest and its own sums. One that is handed in for later is stored sealed, as
a job of kind ``tape`` (:mod:`ledger.jobs`), and gone when the job ends.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ledger import jobs, uploads
from ledger.audit.reconcile import perform as audit
from ledger.audit.reconcile.compare import Basis
from ledger.audit.reconcile.reconciliation import Reconciliation
from ledger.charter import keeper_of
from ledger.domain.calendar import parse_day
from ledger.domain.events import EVENTS
from ledger.errors import (
    ConfigurationError,
    NotFoundError,
    RefusedError,
    UnauthorisedError,
    UndeterminedError,
)
from ledger.quotes import in_quotes
from ledger.reading import log_day
from ledger.store import logs
from ledger.tapes import positions, totals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ledger.log import Ledger
    from ledger.store import ReadConnection, Store, WriteConnection
    from ledger.store.jobs import JobRow
    from ledger.store.logs import LogRow, PartyRow
    from ledger.tapes.positions import Positions
    from ledger.tapes.totals import TotalsFile

KIND: Final = "tape"
Form = Literal["ex102", "esma", "csv", "totals"]
#: Bytes of a mapping: more than any form has columns.
MAX_MAPPING: Final = 64 * 1024
#: What only some forms take.
_TAKES: Final[dict[str, frozenset[str]]] = {
    "ex102": frozenset({"trust", "prefix", "percent"}), "esma": frozenset({"prefix"}),
}  # fmt: skip
_WORDS: Final = "tape.received"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a file; the members are the options of ``poolproof reconcile``, which says what they mean.

    ``form`` None: by the mapping where there is one, else an EX-102. ``private``: compare only, and ask nothing of the
    breaks of others. ``sender`` None: who posts it has made it.
    """

    pool: str
    form: Form | None = None
    cut_off: str | None = None
    partial: bool = False
    balances: Basis = "loan"
    since: str | None = None
    sender: str | None = None
    private: bool = False
    trust: str | None = None
    prefix: str | None = None
    percent: bool = False

    def settled(self, *, mapped: bool) -> Order:
        """The order with its form said. Raises :class:`RefusedError` for what does not go together."""
        form: Form = self.form or ("csv" if mapped else "ex102")
        if form == "csv" and not mapped:
            raise RefusedError("mapping", "a CSV is read by a mapping", rule="missing")
        if form in {"ex102", "totals"} and mapped:
            raise RefusedError("mapping", f"the form {form} takes none", rule="unknown_member")
        for name in ("trust", "prefix", "percent"):
            if getattr(self, name) and name not in _TAKES.get(form, frozenset()):
                raise RefusedError(name, f"it does not go with the form {form}", rule="unknown_member")
        if self.since is not None:
            parse_day(self.since, "since")
        return replace(self, form=form)

    @property
    def request(self) -> audit.Request:
        """What is compared with what, before it is known who explains it."""
        return audit.Request(
            pool=self.pool, cut_off=self.cut_off, partial=self.partial, basis=self.balances,
            since=None if self.since is None else parse_day(self.since, "since"), private=self.private,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was recorded. ``received``: the id of the poster's own ``tape.received`` of this file, if it has one."""

    tape_received: int
    breaks_opened: int
    received: str | None

    @property
    def counts(self) -> dict[str, int]:
        """JSON-ready values."""
        return {"tape_received": self.tape_received, "breaks_opened": self.breaks_opened}


def open_file(
    file: Path, order: Order, mapping: Path | None, *, progress: Progress | None = None
) -> Positions | TotalsFile:
    """The file as a settled order reads it; raises what the readers raise, and :class:`NotFoundError`."""
    if not file.is_file():
        raise NotFoundError(f"no file {file}")
    if order.form == "totals":
        return totals.read(file)
    if order.form == "esma":
        return positions.of_esma(file, prefix=order.prefix, mapping_file=mapping, progress=progress)
    if order.form == "csv":
        assert mapping is not None, "a settled order"
        return positions.of_csv(file, mapping, progress=progress)
    return positions.of_ex102(
        file, trust=order.trust, prefix=order.prefix, percent=order.percent, progress=progress
    )


def check_poster(parties: Iterable[PartyRow], poster: str) -> None:
    """Raise :class:`UnauthorisedError` for a party whose roles may not record a file."""
    roles = next((frozenset(one.roles) for one in parties if one.name == poster), frozenset[str]())
    if not roles & EVENTS[_WORDS].posted_by:
        allowed = ", ".join(sorted(EVENTS[_WORDS].posted_by))
        raise UnauthorisedError(f"{poster} may not record a file: {_WORDS} is posted by {allowed}")


def compare(
    store: Store,
    origin: str,
    source: Positions | TotalsFile,
    order: Order,
    *,
    poster: str | None,
    now: datetime,
) -> Reconciliation:
    """Compare a file with the pool's records, all that the log has; needs no key, since private fields are not read.

    ``poster`` is who will record it, or would; None is for a private look. ``now`` tells the log's day. Raises what
    :func:`~ledger.audit.reconcile.perform.reconcile` raises, and :class:`RefusedError` for a sender that is no party.
    """
    request = order.request
    with store.read() as connection:
        log = logs.get(connection, origin)
        if poster is not None and not order.private:
            parties = logs.list_parties(connection, log.id)
            sender = order.sender or poster
            if sender not in {one.name for one in parties}:
                raise RefusedError(
                    "sender", f"{in_quotes(sender)} is no party of this log", rule="unknown_party"
                )
            request = replace(request, sender=sender, servicer=keeper_of(parties) or poster)
        return audit.reconcile(connection, log, source, request, today=log_day(log, now))


def record(ledger: Ledger, result: Reconciliation, *, poster: str) -> Posted:
    """Record what is new of a comparison, all of it or nothing; what the log has already adds nothing."""
    events = result.events(poster)
    if events:
        ledger.append(events, party=poster)
    opened = sum(event["type"] == "break.opened" for event in events)
    own = result.receipt_id if _has(ledger, result.receipt_id, poster) else None
    return Posted(tape_received=len(events) - opened, breaks_opened=opened, received=own)


def _has(ledger: Ledger, event_id: str, party: str) -> bool:
    try:
        ledger.state_of(event_id, party=party)
    except NotFoundError:
        return False
    return True


# -- from elsewhere than this machine --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A file that somebody has sent: where it lies for as long as it is worked on, and the mapping that reads it."""

    file: Path
    mapping: Path | None


def perform(
    ledger: Ledger, handed: Handed, order: Order, *, poster: str, progress: Progress | None = None
) -> dict[str, Any]:
    """Compare a file that was sent and, unless it is private, record it; the answer that its sender gets.

    Raises :class:`RefusedError` where something of the order or of the mapping cannot be, :class:`MalformedError` for a
    file that cannot be read whole, and :class:`NotFoundError` for an unknown pool; nothing is stored then.
    """
    order = order.settled(mapped=handed.mapping is not None)
    if not order.private:
        check_poster(ledger.parties(), poster)
    with _said_of_the_sender(handed):
        source = open_file(handed.file, order, handed.mapping, progress=progress)
        result = compare(ledger.store, ledger.origin, source, order, poster=poster, now=ledger.clock())
    posted = None if order.private else record(ledger, result, poster=poster)
    document = result.to_json() | {
        "private": order.private,
        "posted": posted and posted.counts,
        "receipt": None,
    }
    if posted is not None and posted.received is not None:
        document["receipt"] = {"id": posted.received, "party": poster}
    return document


@contextmanager
def _said_of_the_sender(handed: Handed) -> Iterator[None]:
    """What is wrong with a mapping or an order is the sender's to mend, and no fault of this machine's settings."""
    try:
        yield
    except ConfigurationError as error:
        said = str(error).replace(f"{handed.file.parent}/", "")
        raise RefusedError("mapping" if handed.mapping else "file", said, rule="wrong_form") from error
    except UndeterminedError as error:
        raise RefusedError(error.field or "cut_off", error.reason, rule="missing") from error


# -- as a job --------------------------------------------------------------------------------------------------


def hand_in(ledger: Ledger, handed: Handed, order: Order, *, party: str) -> str:
    """Store a file for the workers, sealed; returns the job's id. Raises :class:`TooManyError`."""
    order = order.settled(mapped=handed.mapping is not None)
    check_poster(ledger.parties(), party)
    request = {"order": asdict(order), "mapped": handed.mapping is not None}
    upload = uploads.Upload(ledger, party=party, kind=KIND, request=request)
    try:
        if handed.mapping is not None:
            upload.put(handed.mapping.read_bytes())
        with handed.file.open("rb") as file:
            while piece := file.read(uploads.PIECE_BYTES):
                upload.put(piece)
        return upload.finish()
    except BaseException:
        upload.drop()
        raise


def outcome(connection: ReadConnection, log: LogRow, job_id: str, *, party: str) -> dict[str, Any]:
    """The answer that a job gave. Raises what :func:`ledger.uploads.stored_outcome` raises."""
    found: dict[str, Any] = json.loads(
        uploads.stored_outcome(connection, log, job_id, kind=KIND, party=party)
    )
    return found


class Desk:
    """Works on files that were handed in."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def perform(self, job: JobRow, progress: jobs.Progress) -> jobs.Finish:
        """The handler of jobs of kind ``tape``."""
        assert job.party is not None
        order = Order(**job.request["order"])
        with tempfile.TemporaryDirectory(prefix="poolproof-tape-") as folder:
            handed = Handed(file=Path(folder) / "file", mapping=None)
            pieces = uploads.pieces(self._ledger, job)
            if job.request["mapped"]:
                handed = replace(handed, mapping=Path(folder) / "mapping.toml")
                (Path(folder) / "mapping.toml").write_bytes(next(pieces))
            with handed.file.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            document = perform(
                self._ledger, handed, order, poster=job.party,
                progress=lambda done, of: progress("file", done, of),
            )  # fmt: skip

        def finish(connection: WriteConnection) -> Mapping[str, Any]:
            uploads.store_outcome(connection, job.id, json.dumps(document).encode())
            return summary(document)

        return finish


def summary(document: Mapping[str, Any]) -> dict[str, Any]:
    """An answer in a line: what a job shows as its result."""
    return {
        "tape": document["tape"], "cut_off": document["cut_off"], "outcome": document["outcome"],
        "breaks": len(document["breaks"]), **document["posted"],
    }  # fmt: skip
