"""Fetching what a mirror does not have yet: entries, registers, and what the party is shown of a pool.

The checkpoint comes first and must be signed by a key of the trust root. A mirror never goes back: a server that shows
a smaller tree than it showed before is caught here. A download that was broken off is brought to its end at the size at
which it began, so that nothing of it was in vain; then the newest size is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from ledger.errors import MalformedError, NotFoundError, VerificationError
from ledger.mirror.folder import Folder, RecordFile, home
from ledger.mirror.form import (
    ClaimForm,
    Head,
    Page,
    PageForm,
    Published,
    RecordForm,
    ranges,
    read_page,
)
from ledger.mirror.remote import Remote, log_prefix
from ledger.mirror.settled import TOLD
from ledger.proofs import tiles
from ledger.proofs.ladder import Ladder
from ledger.proofs.trust import TrustRoot

#: (what is fetched, how much of it is there, of how much)
Progress = Callable[[str, int, int], None]
_BASE: Final = "/v1/mirror"


def download(
    remote: Remote, folder: Folder, trust: TrustRoot, pool: str, *, size: int | None, progress: Progress
) -> Head:  # fmt: skip
    """Bring the mirror of a pool to ``size``, by default that of the newest checkpoint, which must verify.

    Returns what the server says of the pool at that size. Raises :class:`VerificationError` for a checkpoint that does
    not verify or is smaller than one seen before, and what :class:`~ledger.mirror.remote.Remote` raises.
    """
    newest = _newest(remote, folder, trust)
    if size is not None and size > newest:
        raise NotFoundError(f"size {size} is not published: the newest checkpoint is of {newest}")
    wanted = newest if size is None else size
    head = _head(remote, pool, wanted)  # first of all: who may not see the pool learns it at once
    _fetch_log(remote, folder, newest, progress)
    begun = folder.state.target.get(pool)
    for target in sorted({wanted} | ({begun} if begun is not None and begun < wanted else set())):
        folder.state.target[pool] = target
        folder.keep_state()
        found = head if target == wanted else _head(remote, pool, target)
        _fetch_pool(remote, folder, found, progress)
        del folder.state.target[pool]
        folder.state.sizes[pool] = sorted({*folder.state.sizes.get(pool, []), target})
        folder.keep_state()
    return head


def _newest(remote: Remote, folder: Folder, trust: TrustRoot) -> int:
    """The size of the newest checkpoint, signed and not smaller than the one seen last."""
    data = remote.get(f"{log_prefix(trust.origin)}checkpoint")
    try:
        note = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("checkpoint", "not text") from error
    ladder = Ladder(trust)
    size = ladder.checkpoint(note).checkpoint.size
    if folder.state.checkpoint:
        seen = ladder.checkpoint(folder.state.checkpoint).checkpoint.size
        if size < seen:
            raise VerificationError(
                f"the server shows a tree of {size} entries, and has shown one of {seen}",
                step="checkpoint", evidence={"now": note, "before": folder.state.checkpoint},
            )  # fmt: skip
    folder.state.checkpoint = note
    return size


def _fetch_log(remote: Remote, folder: Folder, size: int, progress: Progress) -> None:
    """Entries, published sizes and registers: what is the same for everyone."""
    wanted = [tile for tile in tiles.bundles_for(size) if not folder.has(str(tile))]
    prefix = log_prefix(folder.state.origin)
    remote.each(
        wanted,
        lambda tile: folder.keep(str(tile), remote.get(f"{prefix}{tile}")),
        lambda done, of: progress("entries", done, of),
    )
    listed = [one for name in folder.registers() for one in folder.items(name, Published)]
    after = listed[-1].size if listed else 0
    if after < size:
        pages = remote.pages(f"{_BASE}/registers", Published, {"after": after}, cursor="after")
        found = [one for page in pages for one in page.items]
        folder.keep_items(f"registers/{after}.ndjson", found)
        listed += found
    remote.each(
        [one.size for one in listed if not folder.has(f"pages/{one.size}.ndjson")],
        lambda one: _keep_pages(remote, folder, one),
        lambda done, of: progress("registers", done, of),
    )


def _keep_pages(remote: Remote, folder: Folder, size: int) -> None:
    pages = remote.pages(f"{_BASE}/registers/{size}/pages", PageForm, {"after": 0}, cursor="after")
    folder.keep_items(f"pages/{size}.ndjson", _all(pages))


def _head(remote: Remote, pool: str, size: int) -> Head:
    """What there is to mirror of the pool at a size. Raises :class:`NotFoundError` for one that is not to be seen."""
    path = f"{_BASE}/pools/{pool}"
    found = read_page(remote.get(path, {"size": size}), Head).items
    if [(one.pool, one.size) for one in found] != [(pool, size)]:
        raise MalformedError("mirror page", f"{path}: not of pool {pool!r} at size {size}")
    return found[0]


def _fetch_pool(remote: Remote, folder: Folder, head: Head, progress: Progress) -> None:
    """What the party is shown of the pool at a size."""
    pool, size = head.pool, head.size
    path, at = f"{_BASE}/pools/{pool}", {"size": size}

    def keep_records(one: RecordFile) -> None:
        asked = {"size": one.size, "since": one.since, "start": one.start, "stop": one.stop}
        folder.keep_items(one.name, _all(remote.pages(f"{path}/records", RecordForm, asked, cursor="start")))

    remote.each(
        [one for one in folder.record_files(pool, size) if not folder.has(one.name)],
        keep_records,
        lambda done, of: progress("records", done, of),
    )

    def keep_settled(part: tuple[int, int]) -> None:
        asked = at | {"start": part[0], "stop": part[1]}
        name = settled_name(pool, size, part[0])
        folder.keep_items(
            name, _all(remote.pages(f"{path}/settlements", TOLD, asked, cursor="start"))
        )  # fmt: skip

    hidden = [] if head.whole else ranges(0, size)
    remote.each(
        [part for part in hidden if not folder.has(settled_name(pool, size, part[0]))],
        keep_settled,
        lambda done, of: progress("settlements", done, of),
    )  # fmt: skip
    name = claims_name(pool, size)
    if not folder.has(name):
        claims = remote.pages(f"{path}/claims", ClaimForm, at, cursor="after")
        folder.keep_items(name, _all(claims))


def settled_name(pool: str, size: int, start: int) -> str:
    """The file of what is told of a range's payments."""
    return f"{home(pool)}/settlements-{size}/{start}.ndjson"


def claims_name(pool: str, size: int) -> str:
    """The file of a pool's claims at a size."""
    return f"{home(pool)}/claims-{size}.ndjson"


def _all(pages: Iterable[Page[Any]]) -> Iterator[object]:
    for page in pages:
        yield from page.items
