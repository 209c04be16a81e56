"""``poolproof audit``: is this pool what it is said to be?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ledger.cli.fieldwork import Laid, Sample, lay
from ledger.cli.frame import Json, Output, command_group, example, open_home, past_day
from ledger.cli.mirrored import From, Into, Rpc, Source, audit_mirrored
from ledger.cli.names import Pool
from ledger.cli.ours import Offline, Trust, own_anchors, own_trust
from ledger.cli.report import report_lines, write_report
from ledger.cli.service import KeyFile, ServiceKey, SigningKey
from ledger.errors import UnavailableError, VerificationError

if TYPE_CHECKING:
    from ledger.audit.report import AuditReport
    from ledger.audit.run import AnchorTimes, Request
    from ledger.chain.sources import OnlineAnchors
    from ledger.home import Home

commands = command_group("The audit.")


@commands.command(
    epilog=example(
        "poolproof audit POOL --as-of 2026-07-31",
        "poolproof audit POOL --trust trust.json -o audit.report.json --html audit.html --pdf audit.pdf",
        "poolproof audit POOL --tape 2026-07.xml --partial",
        "poolproof audit POOL --sample 25 --seed 0x… --receipts sample",
        "poolproof audit POOL --from https://ledger.example --trust trust.json --rpc http://127.0.0.1:8545",
    )
)
def audit(
    pool: Pool,
    *,
    as_of: Annotated[
        str | None, typer.Option(metavar="DAY", help="The audit's day. [default: that of the newest record]")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="The published size to audit. [default: the newest]")
    ] = None,
    since: Annotated[
        int,
        typer.Option(
            min=0, metavar="SIZE", help="Size of the last audit: holders are followed from there on."
        ),
    ] = 0,
    trust: Trust = None,
    offline: Offline = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the report here, for `poolproof report`.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as one printable HTML file here.")] = None,
    pdf: Annotated[
        Path | None, typer.Option(help="Write it as PDF/A here; needs the extra `reports` (typst).")
    ] = None,
    language: Annotated[
        Literal["en", "zh"], typer.Option(help="Language of the written report and of this output.")
    ] = "en",
    tape: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also reconcile this file with the pool.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="How the tape is read, if it is a CSV. [default: SEC EX-102]")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="The tape may leave claims of the pool out.")
    ] = False,
    sender: Annotated[
        str | None,
        typer.Option(metavar="PARTY", help="Who made the tape. [default: who keeps the log's records]"),
    ] = None,
    sample: Annotated[int, typer.Option(min=0, metavar="N", help="Draw so many loans for field work.")] = 0,
    seed: Annotated[
        str | None,
        typer.Option(
            metavar="HASH", help="What draws them: the hash of a block mined after the size was anchored."
        ),
    ] = None,
    receipts: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the drawn loans' receipts here.")
    ] = None,
    processes: Annotated[
        int, typer.Option(min=0, metavar="N", help="Processes to share the work; 0: as many as cores.")
    ] = 0,
    url: From = None,
    into: Into = None,
    key_file: KeyFile = None,
    signing_key: SigningKey = None,
    rpc: Rpc = None,
    as_json: Json = False,
) -> None:
    """Audit a pool: procedures performed, and what they found.

    Everything is derived again from the records: tree, register, seal, holders, balances, days past due. What cannot be
    derived is undetermined, and said so. Exit code 0: clean; 1: a finding of severity error; 3: something is
    undetermined and nothing is wrong.

    With --from a partner checks for itself: it downloads what the log's owner shows it, trusts the trust root and the
    chain alone, and reports what the register counts and the owner did not show. A later run fetches what is new. A
    --tape stays on the partner's machine; --receipts of a sample are fetched, which takes a key that may read.
    """
    from ledger.audit.run import Request

    _goes_with("--sample", bool(sample), {"--seed": seed, "--receipts": receipts})
    _goes_with("--tape", tape is not None, {"--mapping": mapping, "--partial": partial, "--sender": sender})
    _goes_with(
        "--from", url is not None, {"--into": into, "--key-file": key_file, "--signing-key": signing_key}
    )
    _check_places(output, html, pdf, receipts)
    wanted = _sample(sample, seed, receipts)
    out = Output(as_json)
    request, drawn = Request(pool=pool, size=size, since=since, processes=processes), None
    laid = None if tape is None else Laid(tape, mapping, partial, sender)
    if url is not None:
        source = Source(url, trust, ServiceKey(key_file, signing_key), None if offline else rpc, into)
        done, drawn = audit_mirrored(request, source, as_of=as_of, laid=laid, wanted=wanted, out=out)
    else:
        with open_home() as home:
            request = replace(request, as_of=past_day(home, as_of))
            done = _audit_own(home, request, trust=trust, offline=offline, laid=laid, out=out)
            if wanted is not None:
                drawn = wanted.draw(
                    home.store, home.origin, done,
                    receipts=lambda event, by: home.ledger.receipt(event, party=by),
                )  # fmt: skip
    for file in write_report(done, language=language, html=html, pdf=pdf, output=output):
        out.say(f"wrote {file}")
    document = done.to_json() | ({"sample": drawn} if drawn is not None else {})
    lines = report_lines(done, language)
    if drawn is not None:
        lines += [
            "",
            f"sample of {len(drawn['loans'])}, seed {drawn['seed']}:",
            *(f"  {loan}" for loan in drawn["loans"]),
        ]
    out.show(document, *lines)
    if done.exit_code:
        raise typer.Exit(done.exit_code)


def _goes_with(option: str, is_given: bool, others: Mapping[str, object]) -> None:
    """Refuse options that say nothing without another one: what they ask for would be missing, and nobody told."""
    for name, value in others.items():
        if value and not is_given:
            raise typer.BadParameter(f"it goes with {option}", param_hint=name)


def _check_places(output: Path | None, html: Path | None, pdf: Path | None, receipts: Path | None) -> None:
    """What the report is to be written to, looked at before an audit that may take hours."""
    from ledger.static import check_place

    for place in (output, html, pdf, None if receipts is None else receipts / "receipt"):
        if place is not None:
            check_place(place)
    if pdf is not None:
        from ledger.audit.render.pdf import check_typesetter

        check_typesetter()


def _sample(count: int, seed: str | None, folder: Path | None) -> Sample | None:
    """The sample that is asked for, None for none."""
    if count and seed is None:
        raise typer.BadParameter("a sample needs --seed: what nobody could choose", param_hint="--sample")
    if seed is None:
        return None
    from ledger.audit.sample import check_seed

    seed = check_seed(seed)
    return Sample(count, seed, folder) if count else None


def _audit_own(
    home: Home, request: Request, *, trust: Path | None, offline: bool, laid: Laid | None, out: Output
) -> AuditReport:
    """Audit a pool of this home's log."""
    from ledger.audit.perform import audit as perform
    from ledger.reading import log_day

    root = own_trust(home, trust, out)
    anchors = None if offline else own_anchors(home, root, out)
    times = None if anchors is None else _times(home, anchors, out)
    with out.stages() as progress:
        parties, today = home.ledger.parties(), log_day(home.ledger.row(), datetime.now(UTC))
        tapes = [] if laid is None else [lay(laid, request.pool, parties=parties, progress=progress)]
        return perform(
            home.store, home.origin, request, trust=root, anchors=anchors, anchored=times, tapes=tapes, today=today,
            kek=home.files.kek, progress=progress,
        )  # fmt: skip


def _times(home: Home, anchors: OnlineAnchors, out: Output) -> AnchorTimes:
    """When each anchor was made, as the node shows it; the ledger only says from which block on to look."""
    from ledger.store import anchors as stored

    with home.store.read() as connection:
        blocks = [row.block_number for row in stored.listed(connection, home.log_id(connection))]
    try:
        return anchors.anchor_times(
            first_block=min((block for block in blocks if block is not None), default=0)
        )
    except (UnavailableError, VerificationError) as error:
        out.say(f"the times of the anchors are not known: {error}")
        return None
