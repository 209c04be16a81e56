"""``poolproof attest`` and ``attestations``: a party's signed word on what it checked. They need no home."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ledger.cli import relayed
from ledger.cli.frame import Json, Output, command_group, example, read_file
from ledger.cli.init import read_address
from ledger.cli.names import Pool
from ledger.cli.service import KeyFile, ServiceKey, SigningKey
from ledger.cli.status import age_text
from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ledger.attest import Listed, Place
    from ledger.audit.report import AuditReport
    from ledger.chain.attestation import SignedAttestation
    from ledger.chain.keystore import ChainAccount
    from ledger.home import Home
    from ledger.mirror.remote import Remote

commands = command_group("Attestations.")

#: Time to carry a file to somebody who pays for it; a forgotten one does not turn up years later.
_DAYS = 30
_DAY = 86_400

Trust = Annotated[
    Path | None,
    typer.Option(
        envvar="POOLPROOF_TRUST", help="The trust root, which names the log on chain. [default: the home's]"
    ),
]
Rpc = Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain. [default: the home's]")]
Contract = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="The AttestationRegistry. [default: the home's]")
]


@commands.command(
    epilog=example(
        "poolproof attest audit.report.json --verdict checked --keystore auditor.json",
        "poolproof attest audit.report.json --verdict disputed --trust trust.json -o word.attestation.json",
        "poolproof attest --relay word.attestation.json",
        "poolproof attest audit.report.json --verdict checked --trust trust.json --relay https://ledger.example",
    )
)
def attest(
    report: Annotated[
        Path | None,
        typer.Argument(
            metavar="REPORT",
            help="The JSON report of an audit; with --relay URL also an attestation that is signed already.",
            show_default=False,
        ),
    ] = None,
    *,
    verdict: Annotated[
        Literal["acknowledged", "checked", "disputed"] | None,
        typer.Option(help="Seen it, performed its checks, or contradict it."),
    ] = None,
    scope: Annotated[
        str | None, typer.Option(help="What was looked at, in a line of ASCII. [default: the audit's day]")
    ] = None,
    keystore: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The encrypted keystore that signs (or pays a relay).")
    ] = None,
    trust: Trust = None,
    contract: Contract = None,
    rpc: Rpc = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="It can be relayed for so many days.")] = _DAYS,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it signed here, for anybody to relay.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no node: needs --trust, --contract, --nonce and -o.")
    ] = False,
    nonce: Annotated[
        int | None, typer.Option(min=0, help="How many attestations the signer made before. [default: asked]")
    ] = None,
    relay: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Relay this signed attestation instead of making one; or have the ledger's service relay it.",
        ),
    ] = None,
    key_file: KeyFile = None,
    signing_key: SigningKey = None,
    as_json: Json = False,
) -> None:
    """Sign what you say of an audit's report, and put it on chain.

    Signed (EIP-712) are the log, the anchored size and its root, the pool, the version of its rules, and the
    SHA-256 of the report. The contract takes it only if that root is anchored. Attestations are public and for
    ever; a later one stands beside the earlier ones. With -o it is written to a file and not relayed. The
    passphrase of the keystore is in POOLPROOF_PASSPHRASE_FILE; on a devnet a key that everybody knows serves.
    With --relay URL the ledger's own account pays: the signing key needs no money, and you need no node. The API key
    is for `attest`, and its party's operator has named the signer's address.
    Exit code 1: the contract holds another root. 2: already relayed, expired, not anchored, another chain.
    """
    out = Output(as_json)
    with _home(rpc) as home:
        if relay is not None and relay.startswith(("http://", "https://")):
            if report is None or output is not None or offline:
                raise ConfigurationError(
                    "--relay URL takes a REPORT, or an attestation that is signed already"
                )
            with ServiceKey(key_file, signing_key).remote(relay) as remote:
                signed = _read_signed(report) or _sign_for(
                    remote, home, report, verdict=verdict, scope=scope, keystore=keystore, trust=trust,
                    contract=contract, nonce=nonce, deadline=int(time.time()) + days * _DAY, asks=rpc is not None,
                )  # fmt: skip
                _show_relayed(relayed.hand_in(remote, signed), signed, out)
            return
        if relay is not None:
            if report is not None or verdict is not None or output is not None:
                raise ConfigurationError("--relay takes a file that is signed already, and nothing else")
            _relay(home, Path(relay), keystore, out)
            return
        if report is None or verdict is None:
            raise ConfigurationError("give a REPORT and --verdict acknowledged, checked or disputed")
        if offline and (output is None or nonce is None):
            raise ConfigurationError("--offline: give -o FILE and --nonce (0 for a key's first attestation)")
        signed, account = _sign(
            home, _report(report), _place(home, trust, contract), verdict=verdict, scope=scope,
            keystore=keystore, deadline=int(time.time()) + days * _DAY, nonce=nonce, offline=offline,
        )  # fmt: skip
        if output is None:
            _put_on_chain(home, signed, account, out)
            return
        from ledger.static import write_file

        write_file(output, signed.encode())
    out.show(
        _document(signed) | {"file": str(output), "block_number": None},
        f"{_sentence(signed)}: signed, not on chain yet",
        f"wrote {output}; anybody can relay it until {_instant(signed.attestation.deadline)}:",
        f"    poolproof attest --relay {output}",
    )


@commands.command(
    epilog=example(
        "poolproof attestations POOL",
        "poolproof attestations POOL --signer 0x… --trust trust.json --contract 0x… --rpc http://127.0.0.1:8545 --json",
    )
)
def attestations(
    pool: Pool,
    *,
    signer: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Only those of this signer: anybody may attest.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest first.")] = 100,
    trust: Trust = None,
    contract: Contract = None,
    rpc: Rpc = None,
    as_json: Json = False,
) -> None:
    """List what parties attested of a pool, the newest first.

    Asks the contract, after checking that its code is ours and that it counts the roots of the log's AnchorRegistry.
    Whose address a signer is, its owner tells you, by a way that you trust.
    """
    from ledger import attest as attesting

    out = Output(as_json)
    with _home(rpc) as home:
        place = _place(home, trust, contract)
        number, found = attesting.listed(home, place, f"pool:{pool}", signer=read_address(signer), most=most)
    now = datetime.now(UTC).timestamp()
    shown = [_listed(one, now) for one in found]
    document = {
        "origin": place.origin,
        "pool": pool,
        "contract": f"0x{place.contract.hex()}",
        "count": number,
        "attestations": shown,
    }
    lines = [_line(one) for one in shown] or [
        f"no attestations about {pool}" + (" by this signer" if number else "")
    ]
    out.show(document, *lines)


def _home(rpc: str | None) -> Home:
    from ledger.home import Home
    from ledger.settings import Settings

    settings = Settings.load()
    if rpc is not None:
        settings = Settings.of(settings.model_dump(exclude_unset=True) | {"rpc_url": rpc})
    return Home(settings)


def _place(home: Home, trust: Path | None, contract: str | None) -> Place:
    from ledger import attest as attesting
    from ledger.proofs.trust import TrustRoot

    root = None if trust is None else TrustRoot.parse(read_file(trust, "trust root"))
    return attesting.place_of(home, trust=root, contract=read_address(contract))


def _report(file: Path) -> AuditReport:
    from ledger.audit import reportfile

    return reportfile.decode(read_file(file, "report"))


def _sign(
    home: Home, report: AuditReport, place: Place, *, verdict: str, scope: str | None, keystore: Path | None,
    deadline: int, nonce: int | None, offline: bool,
) -> tuple[SignedAttestation, ChainAccount]:  # fmt: skip
    from ledger import attest as attesting
    from ledger.chain.attestation import Verdict

    contracts = None if offline else attesting.open_place(home, place)
    account = attesting.account_of(home, keystore, place.chain_id)
    if nonce is None:
        assert contracts is not None
        nonce = contracts[1].nonce_of(account.address)
    one = attesting.attestation(
        report, place, verdict=Verdict(verdict), scope=scope, signer=account.address, nonce=nonce,
        deadline=deadline,
    )  # fmt: skip
    if contracts is not None:
        attesting.check_anchored(contracts[0], one)
    return attesting.sign(account, one, place), account


def _read_signed(file: Path) -> SignedAttestation | None:
    """The attestation in a file, None where it is another document."""
    from ledger.chain.attestation import MEDIA_TYPE, SignedAttestation

    data = read_file(file, "report or signed attestation")
    return SignedAttestation.parse(data) if f'"{MEDIA_TYPE}"'.encode() in data else None


def _sign_for(
    remote: Remote, home: Home, report: Path, *, verdict: str | None, scope: str | None, keystore: Path | None,
    trust: Path | None, contract: str | None, nonce: int | None, deadline: int, asks: bool,
) -> SignedAttestation:  # fmt: skip
    """Sign what a service will relay; it tells contract and number where they are not given. ``asks``: a node too."""
    from ledger import attest as attesting
    from ledger.chain.attestation import Verdict
    from ledger.proofs.trust import TrustRoot

    if verdict is None:
        raise ConfigurationError("give --verdict acknowledged, checked or disputed")
    read, root = _report(report), None
    if trust is not None:
        root = TrustRoot.parse(read_file(trust, "trust root"))
    account = attesting.account_of(home, keystore, attesting.chain_of(home, root))
    told = relayed.ask(remote, read.pool, account.address)
    place = attesting.place_of(home, trust=root, contract=read_address(contract) or told.contract)
    told.check(place)
    one = attesting.attestation(
        read, place, verdict=Verdict(verdict), scope=scope, signer=account.address,
        nonce=told.nonce if nonce is None else nonce, deadline=deadline,
    )  # fmt: skip
    if asks:
        attesting.check_anchored(attesting.open_place(home, place)[0], one)
    return attesting.sign(account, one, place)


def _show_relayed(told: dict[str, Any], signed: SignedAttestation, out: Output) -> None:
    where = (
        f"on chain in block {told['block_number']}"
        if told["block_number"] is not None
        else f"handed in, {told['state']}" + (f": {told['problem']}" if told["problem"] else "")
    )
    out.show(
        _document(signed)
        | {"file": None, "block_number": told["block_number"], "transaction": told["transaction"]}
        | {"id": told["id"], "state": told["state"]},
        f"{_sentence(signed)}: {where}",
    )


def _relay(home: Home, file: Path, keystore: Path | None, out: Output) -> None:
    """The file says for which chain and contract it is; that it is our contract is checked before anybody pays."""
    from ledger import attest as attesting
    from ledger.chain.attestation import SignedAttestation
    from ledger.chain.attestation_registry import AttestationRegistry

    signed = SignedAttestation.parse(read_file(file, "signed attestation"))
    registry = AttestationRegistry(home.node(), signed.contract)
    registry.check_chain(signed)
    registry.check(anchors=registry.anchors())
    _put_on_chain(home, signed, attesting.account_of(home, keystore, signed.chain_id), out)


def _put_on_chain(home: Home, signed: SignedAttestation, payer: ChainAccount, out: Output) -> None:
    from ledger import attest as attesting
    from ledger.chain.attestation_registry import AttestationRegistry

    attesting.fund_on_devnet(home, payer, signed.chain_id)
    receipt = AttestationRegistry(home.node(), signed.contract).relay(payer, signed)
    out.show(
        _document(signed) | {"file": None, "block_number": receipt.block_number},
        f"{_sentence(signed)}: on chain in block {receipt.block_number}",
    )


def _document(signed: SignedAttestation) -> dict[str, Any]:
    return {
        "chain_id": signed.chain_id,
        "contract": f"0x{signed.contract.hex()}",
        "attestation": signed.attestation.to_json(),
    }


def _sentence(signed: SignedAttestation) -> str:
    one = signed.attestation
    return f"{one.subject} at size {one.size} {one.verdict} by 0x{one.signer.hex()}"


def _listed(one: Listed, now: float) -> dict[str, Any]:
    held = one.attested
    return held.to_json() | {"age": max(0, int(now) - held.time), "disowned": one.disowned}


def _line(one: dict[str, Any]) -> str:
    scope = f", {one['scope']}" if one["scope"] else ""
    disowned = ", DISOWNED by the log's owner" if one["disowned"] else ""
    return (
        f"{one['verdict']:<12} {one['signer']}  size {one['size']:,}, {age_text(one['age'])} ago{scope}{disowned}\n"
        f"             rules version {one['rules_version']}, evidence {one['evidence']}"
    )


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
