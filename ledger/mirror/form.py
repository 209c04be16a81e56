"""What travels between a log's owner and a mirror: pages of NDJSON, each of items and a last line with the next cursor.

::

    /v1/mirror/registers                     {"size", "page", "note", "published", "batch": {…}}
    /v1/mirror/registers/{size}/pages        {"id", "page"}
    /v1/mirror/pools/{pool}                  {"pool", "size", "whole", "first_block"}, one line
    /v1/mirror/pools/{pool}/records          {"index", "record"}
    /v1/mirror/pools/{pool}/claims           {"loan", "claim", "asset_key", "state", "nonces", "steps": [{…}, …]}
    /v1/mirror/pools/{pool}/settlements      {"settlement", "payments", "without", "sum", "unplaced"} or
                                             {"account", "payments"} or {"lost"}

The last line of a page is ``{"next": cursor}``, null where nothing follows. Nothing in here is signed: a mirror holds
all of it against the tree and the registers that the log's checkpoints commit to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Generic, TypeVar

import msgspec
from msgspec import Meta

from ledger.errors import MalformedError
from ledger.proofs.canonical import MAX_INTEGER

#: Items of one page: some megabytes, some tenths of a second's work.
PAGE_ITEMS: Final = 2_000
#: Entries of one request for records or settlements; ranges begin at its multiples, so that they can be kept.
RANGE: Final = 1 << 14
#: Stands for all accounts that are not shown, where payments are counted; no account has this name.
ELSEWHERE: Final = ""
#: The largest page that is read: 2,000 records have a kilobyte each, one has at most a mebibyte.
MAX_PAGE_BYTES: Final = 64 * 1024 * 1024
#: Cursors, sizes and indexes are integers that a database has room for.
MAX_CURSOR: Final = MAX_INTEGER

_Index = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
_Hex16 = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
_Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class BatchForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest batch of acceptances below a size, with the service's signature: when the log was last written to."""

    first: _Index
    count: _Index
    root: str
    posted: str
    anchor_by: str
    key: str
    signature: str


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A published size: its checkpoint verbatim, and the root page of its register."""

    size: _Index
    page: _Index
    note: str
    published: str
    batch: BatchForm | None


class PageForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a register, base64; :mod:`ledger.register` says what is in it."""

    id: _Index
    page: str


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What there is to mirror of a pool. ``whole``: every record of the log may be seen, not the pool's alone.

    ``first_block`` is where the search for anchors begins, a hint.
    """

    pool: str
    size: _Index
    whole: bool
    first_block: _Index


class RecordForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record, its exact bytes as a string."""

    index: _Index
    record: str


class StepForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of a claim's holders: which record of which pool, whose share, by how many ppm."""

    index: _Index
    pool: str
    holder: str
    change: int


class ClaimForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A claim of a mirrored loan, and what opens its values in the registers up to a size.

    ``nonces`` are of the versions 0, 1, … of its encumbrance, ``state`` is the preimage of its state at that size. Both
    are gone once the loan is erased.
    """

    loan: str
    claim: str
    asset_key: _Hex32
    state: str | None
    nonces: tuple[_Hex16, ...]
    steps: tuple[StepForm, ...]


class SettledForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="settled"):
    """Of the payments that are not shown, those of one range that the settlement at an index covers, by their indexes.

    ``sum`` is what they add to it, in units of 1e-8. ``without`` are covered no more, by a correction in the range.
    ``unplaced``: one of them came there by a correction, and its place among the others is not known.
    """

    settlement: _Index
    payments: tuple[_Index, ...] = ()
    without: tuple[_Index, ...] = ()
    sum: int = 0
    unplaced: bool = False


class SeenForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="seen"):
    """How many payments of an account are not shown; of accounts that are not shown themselves, together."""

    account: str
    payments: _Index


class LostForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="lost"):
    """A record that is not shown and cannot be read by the log's owner either: it is erased."""

    index: _Index


class _Next(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    next: _Index | None


Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """Items, and the cursor that goes on after them."""

    items: Sequence[Item]
    next: int | None

    def encode(self) -> bytes:
        """The NDJSON of the page."""
        encoder = msgspec.json.Encoder()
        return encoder.encode_lines([*self.items, _Next(self.next)])


def read_page(data: bytes, item: type[Item]) -> Page[Item]:
    """Read what :meth:`Page.encode` printed. Raises :class:`MalformedError`."""
    *lines, last = data.splitlines() or [b""]
    try:
        decoder = msgspec.json.Decoder(item)
        return Page([decoder.decode(line) for line in lines], msgspec.json.decode(last, type=_Next).next)
    except msgspec.MsgspecError as error:
        raise MalformedError("mirror page", str(error)) from error


def ranges(start: int, stop: int) -> Iterable[tuple[int, int]]:
    """The ranges of entries in which records and settlements are asked for: from ``start`` on, cut at multiples."""
    while start < stop:
        end = min((start // RANGE + 1) * RANGE, stop)
        yield start, end
        start = end
