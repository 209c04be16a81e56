"""``poolproof audit --from``: the audit of a partner, who has an address, a trust root and a key, and no home."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import typer

from ledger.cli.fieldwork import Laid, Receipts, Sample, lay
from ledger.cli.frame import Output, read_file
from ledger.cli.service import ServiceKey
from ledger.errors import RefusedError, VerificationError

if TYPE_CHECKING:
    from ledger.audit.report import AuditReport
    from ledger.audit.run import Request
    from ledger.chain.sources import OnlineAnchors
    from ledger.mirror.remote import Remote
    from ledger.proofs.trust import TrustRoot

#: Where a mirror lies unless it is said: beside the trust root and the reports.
DIRECTORY: Final = Path("poolproof-mirror")


def audit_mirrored(
    request: Request,
    *,
    url: str,
    trust: Path | None,
    as_of: str | None,
    key: ServiceKey,
    rpc: str | None,
    into: Path | None,
    laid: Laid | None,
    wanted: Sample | None,
    out: Output,
) -> tuple[AuditReport, dict[str, Any] | None]:
    """Mirror the pool from ``url`` and audit it there, under the trust root in the file ``trust`` and no other.

    Returns the report, and the sample where one is ``wanted``.
    """
    from ledger.mirror.build import derived
    from ledger.mirror.check import check
    from ledger.mirror.folder import Folder
    from ledger.proofs.trust import TrustRoot

    if trust is None:
        raise typer.BadParameter(
            "--from asks for --trust: the trust root of your agreement, not the server's",
            param_hint="--trust",
        )
    root = TrustRoot.parse(read_file(trust, "trust root"))
    out.say(f"trust root: {trust}, fingerprint {root.fingerprint}; compare it with your agreement")
    folder = Folder.open(into or DIRECTORY, root.origin)
    chain = _chain(root, rpc, out)
    with key.remote(url) as remote, out.stages() as progress:
        tapes = [] if laid is None else [lay(laid, request.pool, parties=root.parties, progress=progress)]
        asked = _with_day(request, root, as_of)
        report = check(remote, folder, root, asked, chain=chain, tapes=tapes, progress=progress)
        if wanted is None:
            return report, None
        with closing(derived(folder)) as store:
            return report, wanted.draw(store, root.origin, report, receipts=_receipts(remote, root))


def _receipts(remote: Remote, root: TrustRoot) -> Receipts:
    """Receipts as the service hands them out, each verified under the partner's trust root before it is kept."""
    from ledger.proofs.verify import verify_receipt

    def receipt(event_id: str, party: str) -> bytes:
        data = remote.get(f"/v1/events/{quote(event_id, safe='')}/receipt", {"party": party})
        shown = verify_receipt(root, data).record
        if shown is None or (shown.id, shown.party) != (event_id, party):
            raise VerificationError(f"it is not that of {event_id} of {party}", step="receipt")
        return data

    return receipt


def _with_day(request: Request, root: TrustRoot, as_of: str | None) -> Request:
    from ledger.domain.calendar import business_date, parse_day

    if as_of is None:
        return request
    day, today = parse_day(as_of, "--as-of"), business_date(datetime.now(UTC), root.zone, root.day_cut)
    if day > today:
        raise RefusedError("--as-of", f"{day} has not come: the log's day is {today}")
    return replace(request, as_of=day)


def _chain(root: TrustRoot, rpc: str | None, out: Output) -> OnlineAnchors | None:
    """The partner's own node, where it names one."""
    if root.chain is None:
        return None
    if rpc is None:
        out.say("the chain was not asked: name a node that you trust with --rpc")
        return None
    from ledger.chain.reader import ChainReader
    from ledger.chain.sources import OnlineAnchors

    return OnlineAnchors(ChainReader(rpc), root)
