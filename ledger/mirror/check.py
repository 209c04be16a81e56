"""The partner's own check from end to end: download, derive, ask the chain, audit or watch. The door of this package.

The chain is asked by the partner, of a node that it trusts. A server that shows an older tree than the contract holds
is given as long as the trust root allows an anchor to age, since what is new takes a while to come through; after that
it is caught, as is one that shows another tree than the contract holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from ledger.audit.perform import Tape, audit
from ledger.audit.report import AuditReport
from ledger.audit.run import AnchorTimes, Request
from ledger.audit.watch import Look, look
from ledger.domain.calendar import business_date
from ledger.errors import UnavailableError, UndeterminedError, VerificationError
from ledger.mirror.build import build
from ledger.mirror.download import Progress, download
from ledger.mirror.folder import Folder
from ledger.mirror.form import Head
from ledger.mirror.remote import Remote
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import AnchorSource

#: The step that an older tree than the contract's fails at.
FRESH_STEP = "fresh"


class Chain(AnchorSource, Protocol):
    """What a partner asks of its node; :class:`ledger.chain.sources.OnlineAnchors` is one."""

    def newest(self) -> int:
        """The size of the newest anchor, 0 before the first."""

    def anchor_times(self, *, first_block: int = 0) -> tuple[tuple[int, int], ...]:
        """(size, block time in seconds) of every anchor since a block."""


def check(
    remote: Remote,
    folder: Folder,
    trust: TrustRoot,
    request: Request,
    *,
    chain: Chain | None,
    progress: Progress,
    tapes: Sequence[Tape] = (),
    clock: Callable[[], float] = time.time,
) -> AuditReport:
    """Mirror the pool of ``request`` in ``folder`` and audit it there; ``since`` 0 goes on from the last audit.

    ``tapes`` are files of the partner's own, laid beside the records; nothing of them leaves this machine.

    Raises :class:`VerificationError`, which names the step, where the server contradicts the trust root, the chain or
    itself, and what :class:`~ledger.mirror.remote.Remote` raises. A pool's records that are missing or altered are
    findings of the report.
    """
    head, times = _fetch(
        remote, folder, trust, request.pool, size=request.size, chain=chain, progress=progress, clock=clock
    )
    store, sight = build(folder, trust, head)
    try:
        last = folder.state.audited.get(request.pool, 0)
        # An earlier size than the last audit's is audited from the first register on.
        asked = replace(request, size=head.size, since=request.since or (last if last <= head.size else 0))
        report = audit(
            store, trust.origin, asked, trust=trust, anchors=chain, anchored=times, tapes=tapes, sight=sight,
            today=business_date(datetime.fromtimestamp(clock(), UTC), trust.zone, trust.day_cut), progress=progress,
        )  # fmt: skip
    finally:
        store.close()
    folder.state.audited[request.pool] = head.size
    folder.keep_state()
    return report


def watch(
    remote: Remote,
    folder: Folder,
    trust: TrustRoot,
    pool: str,
    *,
    since: int,
    last: int = 0,
    chain: Chain | None,
    progress: Progress,
    clock: Callable[[], float] = time.time,
) -> Look | None:
    """Mirror what is new of a pool and look at it there, from the tree of size ``since`` on.

    None where the tree is still that of size ``last``, which this caller has looked at: then nothing is derived again,
    but it was held against the chain and against what was shown before. Raises what :func:`check` raises, and
    :class:`VerificationError` where the newest tree is smaller than ``since``.
    """
    head, _ = _fetch(remote, folder, trust, pool, chain=chain, progress=progress, clock=clock)
    if head.size == last:
        return None
    store, sight = build(folder, trust, head)
    try:
        return look(store, trust.origin, pool, trust=trust, sight=sight, since=since, anchors=chain)
    finally:
        store.close()


def _fetch(
    remote: Remote, folder: Folder, trust: TrustRoot, pool: str, *, size: int | None = None, chain: Chain | None,
    progress: Progress, clock: Callable[[], float],
) -> tuple[Head, AnchorTimes]:  # fmt: skip
    """Download what is new of a pool; when anchors were made, where a chain is asked."""
    head = download(remote, folder, trust, pool, size=size, progress=progress)
    if chain is None:
        return head, None
    newest = chain.newest()
    times = _times(chain, head, newest)
    if size is None:
        check_fresh(head.size, newest, times or (), trust, now=clock())
    return head, times


def _times(chain: Chain, head: Head, newest: int) -> AnchorTimes:
    """When anchors were made; None where the node does not tell. The server's hint where to begin must hold good."""
    try:
        times = chain.anchor_times(first_block=head.first_block)
        sizes = [size for size, _ in times]
        if newest and (newest not in sizes or min(sizes) > head.size):
            times = chain.anchor_times()
    except UnavailableError:
        return None
    return times


def check_fresh(
    size: int, newest: int, times: tuple[tuple[int, int], ...], trust: TrustRoot, *, now: float
) -> None:
    """The tree shown is not older than the trust root allows, where the contract holds a newer one.

    ``newest`` is the size of the contract's newest anchor, ``times`` are (size, block time) of anchors. Raises
    :class:`VerificationError` at step ``fresh``, and :class:`UndeterminedError` where no anchor tells the tree's age.
    """
    allowed = None if trust.chain is None else trust.chain.max_anchor_age
    if newest <= size or allowed is None:
        return
    # The tree was the newest one until the first anchor above it was made, and it is at least as old as its own.
    above = [at for anchored, at in times if anchored > size]
    if not above:
        raise UndeterminedError(
            f"the contract holds a tree of {newest} entries, the server shows {size}; how old that is no anchor tells"
        )
    if now - min(above) > allowed:
        raise VerificationError(
            f"the server shows a tree of {size} entries; the contract has held a larger one for "
            f"{int(now - min(above))} s, more than the {allowed} s that the trust root allows",
            step=FRESH_STEP,
            evidence={"shown": size, "newest": newest, "since": min(above)},
        )
