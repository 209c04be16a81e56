"""``poolproof audit --from``: the audit of a partner, who has an address, a trust root and a key, and no home."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from ledger.cli.frame import Output, read_file
from ledger.errors import ConfigurationError, RefusedError

if TYPE_CHECKING:
    from ledger.audit.findings import AuditReport
    from ledger.audit.run import Request
    from ledger.chain.sources import OnlineAnchors
    from ledger.proofs.trust import TrustRoot

#: The variable that has the caller's API key.
API_KEY: Final = "POOLPROOF_API_KEY"
#: Where a mirror lies unless it is said: beside the trust root and the reports.
DIRECTORY: Final = Path("poolproof-mirror")


def audit_mirrored(
    request: Request,
    *,
    url: str,
    trust: Path | None,
    as_of: str | None,
    key_file: Path | None,
    rpc: str | None,
    into: Path | None,
    out: Output,
) -> AuditReport:
    """Mirror the pool from ``url`` and audit it there, under the trust root in the file ``trust`` and no other."""
    from ledger.mirror.check import check
    from ledger.mirror.folder import Folder
    from ledger.mirror.remote import Remote
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
    with Remote(url, _key(key_file)) as remote, out.stages() as progress:
        return check(remote, folder, root, _with_day(request, root, as_of), chain=chain, progress=progress)


def _key(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(API_KEY) or None
    key = read_file(file, "API key").decode("utf-8", "replace").strip()
    if not key:
        raise ConfigurationError(f"{file}: no API key in it")
    return key


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
