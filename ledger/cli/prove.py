"""``poolproof prove``: who holds a claim, that nobody does, and that it is in a pool's seal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ledger.cli.documents import To, deliver
from ledger.cli.frame import Json, Output, Short, command_group, example, open_home
from ledger.cli.names import Pool, loan_name
from ledger.errors import VerificationError

if TYPE_CHECKING:
    from ledger.proofs.claimproof import ClaimProof

Claim = Annotated[
    str,
    typer.Argument(
        metavar="CLAIM", help="The claim's asset key (64 hex digits) or LOAN/CLAIM.", callback=loan_name
    ),
]
Size = Annotated[int | None, typer.Option(help="The published size to prove it in; default: the newest.")]

#: What `poolproof prove CLAIM` is short for.
_EITHER: Final = "claim"


class _Group(Short):
    """A group whose name alone, with a claim, is one of its commands."""

    short_for = _EITHER


commands = command_group(
    """Prove who holds a claim, that nobody does, or its place in a pool's seal.

    `poolproof prove CLAIM [--size N] [-o FILE]` is short for `poolproof prove claim`: presence or absence,
    whichever it is.
    """,
    cls=_Group,
)


@commands.command(_EITHER, epilog=example("poolproof prove claim LOAN/CLAIM -o claim.proof.json"))
def claim_(claim: Claim, size: Size = None, output: To = None, as_json: Json = False) -> None:
    """Prove who holds a claim, or that nobody does.

    The proof is of the claim's place in the register of a published size, with all changes of it. An asset
    key that the log never met is proved absent.
    """
    with open_home() as home:
        deliver(home.ledger.prove_claim(claim, size=size), output, as_json)


@commands.command(epilog=example("poolproof prove presence LOAN/CLAIM -o claim.proof.json"))
def presence(claim: Claim, size: Size = None, output: To = None, as_json: Json = False) -> None:
    """Prove a claim's place in the register: who holds it, if anybody.

    Exit code 1 if the register of that size holds nothing under its asset key.
    """
    _prove(claim, size, output, as_json, present=True)


@commands.command(epilog=example("poolproof prove absence ASSET_KEY -o claim.proof.json"))
def absence(claim: Claim, size: Size = None, output: To = None, as_json: Json = False) -> None:
    """Prove that the register holds nothing under an asset key.

    Exit code 1 if it does, also where nobody holds the claim: "not pledged" is then the claim's presence
    without a holder.
    """
    _prove(claim, size, output, as_json, present=False)


@commands.command(epilog=example("poolproof prove seal POOL LOAN/CLAIM -o claim.seal-proof.json"))
def seal(
    pool: Pool,
    claim: Claim,
    *,
    size: Size = None,
    without_state: Annotated[
        bool,
        typer.Option("--without-state", help="Do not open the claim's state: loan, status and principal."),
    ] = False,
    output: To = None,
    as_json: Json = False,
) -> None:
    """Prove a claim's place in a pool's seal.

    Shown are its share and its amounts, and that they are in the seal's sums. The seal is the last one of the
    pool, in the claim's currency, that the register of the published size holds. It is worked out again for
    the proof and must come out the same; else exit code 1.
    """
    out = Output(as_json)
    with open_home() as home, out.progress(f"seal of {pool}", unit="claims") as progress:
        document = home.ledger.prove_seal(
            pool, claim, size=size, with_state=not without_state, progress=progress
        )
    deliver(document, output, as_json)


def _prove(claim: str, size: int | None, output: Any, as_json: bool, *, present: bool) -> None:
    from ledger.proofs.claimproof import ClaimProof

    with open_home() as home:
        document = home.ledger.prove_claim(claim, size=size)
    proof = ClaimProof.parse(document)
    if proof.presence is not present:
        _refuse(proof)
    deliver(document, output, as_json)


def _refuse(proof: ClaimProof) -> None:
    """Say what is the case instead."""
    size = proof.checkpoint.splitlines()[1]
    where = f"the register of size {size}"
    if not proof.presence:
        raise VerificationError(
            f"{where} holds nothing under the asset key {proof.asset_key.hex()}", step="presence"
        )
    assert proof.state is not None
    assert proof.encumbrance is not None
    raise VerificationError(
        f"{where} holds claim {proof.state.claim} of {proof.state.loan}, of which {proof.encumbrance.taken} ppm are "
        "held; `poolproof prove presence` proves that",
        step="absence",
    )
