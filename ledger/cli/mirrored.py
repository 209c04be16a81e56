"""``--from``: what a partner does who has an address, a trust root and a key, and no home."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple
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
    from ledger.mirror.folder import Folder
    from ledger.mirror.remote import Remote
    from ledger.proofs.trust import TrustRoot

#: Where a mirror lies unless it is said: beside the trust root and the reports.
DIRECTORY: Final = Path("poolproof-mirror")


From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="URL", help="Look at a mirror of what this service shows, without a home."
    ),
]
Into = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where the mirror lies. [default: poolproof-mirror]")
]
Rpc = Annotated[
    str | None,
    typer.Option(envvar="POOLPROOF_RPC_URL", help="With --from: endpoint of a node that you trust."),
]


class Desk(NamedTuple):
    """What a partner has on its own machine: its trust root, its mirror, and a way to ask the chain."""

    root: TrustRoot
    folder: Folder
    chain: OnlineAnchors | None


@dataclass(frozen=True, slots=True)
class Source:
    """The service at ``url``, what to trust (a file, and a node's endpoint), and the directory of the mirror."""

    url: str
    trust: Path | None
    key: ServiceKey
    rpc: str | None
    into: Path | None

    def open(self, out: Output) -> Desk:
        """Read what is on this machine; the service is not asked yet."""
        from ledger.mirror.folder import Folder
        from ledger.proofs.trust import TrustRoot

        if self.trust is None:
            raise typer.BadParameter(
                "--from asks for --trust: the trust root of your agreement, not the server's",
                param_hint="--trust",
            )
        root = TrustRoot.parse(read_file(self.trust, "trust root"))
        out.say(f"trust root: {self.trust}, fingerprint {root.fingerprint}; compare it with your agreement")
        return Desk(root, Folder.open(self.into or DIRECTORY, root.origin), _chain(root, self.rpc, out))


def audit_mirrored(
    request: Request,
    source: Source,
    *,
    as_of: str | None,
    laid: Laid | None,
    wanted: Sample | None,
    out: Output,
) -> tuple[AuditReport, dict[str, Any] | None]:
    """Mirror the pool and audit it there, under the source's trust root and no other.

    Returns the report, and the sample where one is ``wanted``.
    """
    from ledger.mirror.build import derived
    from ledger.mirror.check import check

    root, folder, chain = source.open(out)
    with source.key.remote(source.url) as remote, out.stages() as progress:
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
