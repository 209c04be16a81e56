"""``poolproof verify``: a sceptic's command. It needs a file and a trust root, no home, no database, no server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.frame import Json, Output, command_group, example, read_file
from ledger.errors import MalformedError

if TYPE_CHECKING:
    from ledger.proofs.trust import TrustRoot
    from ledger.proofs.verdict import AnchorSource, Verdict

commands = command_group("Verification.")


@commands.command(
    epilog=example(
        "poolproof verify event.receipt.json --trust trust.json --offline",
        "poolproof verify event.receipt.json --evidence anchor.evidence.json --block 0x… --require final",
        "poolproof verify claim.proof.json --rpc http://127.0.0.1:8545",
        "poolproof verify pool.receipts.ndjson --trust trust.json --offline",
    )
)
def verify(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A receipt, a claim or seal proof, an acceptance, or many of them, one a line.",
        ),
    ],
    *,
    trust: Annotated[
        Path, typer.Option(envvar="POOLPROOF_TRUST", help="The trust root: every parameter comes from it.")
    ] = Path("trust.json"),
    require: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="published, cosigned, anchored or final; else exit 3. [default: the most that can be shown]",
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no network, whatever --rpc says.")] = False,
    evidence: Annotated[
        Path | None, typer.Option(help="The anchor's evidence file; shows `final` offline.")
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(
            metavar="HASH",
            help="Hash of the evidence's block, from a source of your own. [default: pinned blocks]",
        ),
    ] = None,
    rpc: Annotated[
        str | None,
        typer.Option(envvar="POOLPROOF_RPC_URL", help="JSON-RPC endpoint of a node that you trust."),
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option(help="An older proof of the same claim: its history must only have grown.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify a receipt, a claim or seal proof, or an acceptance; or a file of receipts.

    Prints the ladder: each step with what it proved, the level reached, what was not checked, and the trust
    root's fingerprint. Exit code 0: all that was taken into account holds. 1: proved invalid, the step is
    named. 2: not such a file. 3: the inputs cannot show the level asked for. Of a file with many, each line is
    verified, those that fail are named, and the exit code is that of the worst.
    """
    from ledger.cli import bundled
    from ledger.proofs.trust import TrustRoot
    from ledger.proofs.verdict import Level
    from ledger.proofs.verify import verify_claim_proof, verify_file

    try:
        level = Level.parse(require) if require else None
    except KeyError:
        raise typer.BadParameter(
            f"{require}: published, cosigned, anchored or final", param_hint="--require"
        ) from None
    root = TrustRoot.parse(read_file(trust, "trust root; give it with --trust"))
    anchors = _anchors(root, evidence=evidence, block=block, rpc=None if offline else rpc)
    if earlier is None and bundled.is_bundle(file):
        out = Output(as_json)
        with out.progress("verify") as progress:
            found = bundled.verify_lines(file, root, anchors=anchors, require=level, progress=progress)
        out.show(bundled.document(file, root, found), *bundled.lines_of(file, root, found))
        if found.exit_code:
            raise typer.Exit(found.exit_code)
        return
    data = read_file(file, "file to verify")
    if earlier is not None:
        older = read_file(earlier, "earlier claim proof")
        verdict = verify_claim_proof(root, data, anchors=anchors, require=level, earlier=older)
    else:
        verdict = verify_file(root, data, anchors=anchors, require=level)
    Output(as_json).show(verdict.to_json(), *_lines(file, verdict))


def _anchors(
    root: TrustRoot, *, evidence: Path | None, block: str | None, rpc: str | None
) -> AnchorSource | None:
    """Where to learn what the contract holds: the evidence file if there is one, else the node."""
    if evidence is not None:
        from ledger.chain.sources import EvidenceAnchors
        from ledger.proofs.evidence import Evidence

        blocks = [_block_hash(block)] if block is not None else []
        return EvidenceAnchors(Evidence.parse(read_file(evidence, "evidence")), root, blocks)
    if block is not None:
        raise typer.BadParameter(
            "a block hash opens an evidence file: give --evidence too", param_hint="--block"
        )
    if rpc is None or root.chain is None:
        return None
    from ledger.chain.reader import ChainReader
    from ledger.chain.sources import OnlineAnchors

    return OnlineAnchors(ChainReader(rpc), root)


def _block_hash(text: str) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 32:
        raise MalformedError("block hash", "it has 64 hex digits after 0x")
    return value


def _lines(file: Path, verdict: Verdict) -> list[str]:
    from ledger.proofs.verdict import Level

    width = max(len(step.name) for step in verdict.steps)
    lines = [f"{file}: {verdict.kind.replace('_', ' ')} of {verdict.origin}", ""]
    for step in verdict.steps:
        lines.append(f"  ok  {step.name:<{width}}  {step.proves}")
        if step.detail:
            lines.append(f"      {'':<{width}}  {step.detail}")
    lines += ["", *(f"  !   {warning}" for warning in verdict.warnings)]
    lines += [f"  --  not checked: {item.says}" for item in verdict.not_checked]
    shown = "a promise, no tree" if verdict.level is None else str(verdict.level)
    if verdict.level is not None and verdict.level >= Level.ANCHORED:
        shown += f", on a chain of grade {verdict.grade}"
    return [*lines, "", f"VERIFIED: {shown}", f"trust root {verdict.fingerprint}"]
