"""What a command on the owner's machine audits under: the ledger's own trust root, and the contract that it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.frame import Output, read_file
from ledger.errors import UnavailableError

if TYPE_CHECKING:
    from ledger.chain.sources import OnlineAnchors
    from ledger.home import Home
    from ledger.proofs.trust import TrustRoot

Trust = Annotated[
    Path | None, typer.Option(help="The trust root to audit under. [default: the ledger's own, of now]")
]
Offline = Annotated[bool, typer.Option("--offline", help="Do not ask the chain.")]


def own_trust(home: Home, file: Path | None, out: Output) -> TrustRoot:
    """The trust root in a file, or else the newest that the ledger issued."""
    from ledger.proofs.trust import TrustRoot

    if file is not None:
        return TrustRoot.parse(read_file(file, "trust root"))
    from ledger.store import logs

    with home.store.read() as connection:
        issued = logs.latest_trust_root(connection, home.log_id(connection))
    root = home.ledger.trust_root() if issued is None else TrustRoot.parse(bytes(issued))
    out.say(f"trust root: the ledger's own, fingerprint {root.fingerprint}; compare it with your agreement")
    return root


def own_anchors(home: Home, root: TrustRoot, out: Output) -> OnlineAnchors | None:
    """How to ask the contract, where the trust root names one and a node answers."""
    if root.chain is None:
        return None
    from ledger.chain.reader import ChainReader
    from ledger.chain.sources import OnlineAnchors

    try:
        return OnlineAnchors(ChainReader(home.rpc_url), root)
    except UnavailableError as error:
        out.say(f"the chain was not asked: {error}")
        return None
