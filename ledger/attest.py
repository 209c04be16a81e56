"""Attesting: from an audit's report to a signed statement on chain, and what stands there about a subject.

Whoever attests needs the report, the trust root that it was made under, a key and, unless offline, a node: no home
and no ledger. A home gives what is left out. An attestation stands on one anchored size; it says nothing of later
ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.errors import ConfigurationError, VerificationError

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.audit.report import AuditReport
    from ledger.chain.attestation import Attestation, SignedAttestation, Verdict
    from ledger.chain.attestation_registry import AttestationRegistry, Attested
    from ledger.chain.client import ChainClient
    from ledger.chain.keystore import ChainAccount
    from ledger.home import Home
    from ledger.proofs.trust import TrustRoot

#: Of the devnet's own accounts the third attests where no keystore is given: neither owner nor anchorer.
_DEVNET_INDEX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where attestations about a log stand: its chain, its AnchorRegistry, its id there, the AttestationRegistry."""

    origin: str
    chain_id: int
    genesis: bytes
    anchors: bytes
    code_hash: bytes
    log_id: bytes
    contract: bytes
    #: fingerprint of the trust root that said so; None where the ledger's own binding did
    fingerprint: str | None = None


def place_of(home: Home, *, trust: TrustRoot | None = None, contract: bytes | None = None) -> Place:
    """By the trust root where one is given, else by this home's log; ``contract`` goes before the home's own.

    Raises :class:`ConfigurationError` where the log is on no chain or the AttestationRegistry is not known.
    """
    if trust is None:
        binding = home.binding
        return Place(
            origin=home.origin,
            chain_id=binding.chain_id,
            genesis=binding.genesis,
            anchors=binding.contract,
            code_hash=binding.code_hash,
            log_id=binding.log_key,
            contract=contract or _known(home, home.origin),
        )
    chain = trust.chain
    if chain is None:
        raise ConfigurationError(
            f"the trust root of {trust.origin} names no chain: there is nowhere to attest"
        )
    return Place(
        origin=trust.origin,
        chain_id=chain.chain_id,
        genesis=chain.genesis,
        anchors=chain.contract,
        code_hash=chain.code_hash,
        log_id=chain.log_id,
        contract=contract or _known(home, trust.origin),
        fingerprint=trust.fingerprint,
    )


def chain_of(home: Home, trust: TrustRoot | None) -> int:
    """The id of the chain on which the log is. Raises :class:`ConfigurationError` where it is on none."""
    if trust is None:
        return home.binding.chain_id
    if trust.chain is None:
        raise ConfigurationError(
            f"the trust root of {trust.origin} names no chain: there is nowhere to attest"
        )
    return trust.chain.chain_id


def _known(home: Home, origin: str) -> bytes:
    """The AttestationRegistry that this home knows for the log."""
    found = home.ledger.row().attestations if home.settings.origin == origin else None
    if found is None:
        raise ConfigurationError(
            "which AttestationRegistry? give its address with --contract; the log's operator sees it in"
            " `poolproof status --json` and makes one by `poolproof init --attestations new`"
        )
    return found


def open_place(home: Home, place: Place) -> tuple[ChainClient, AttestationRegistry]:
    """Clients of both contracts, after chain and code were checked to be the expected ones."""
    from ledger.chain.attestation_registry import AttestationRegistry

    anchors = home.node().at(place.anchors, place.log_id)
    anchors.check(chain_id=place.chain_id, genesis=place.genesis, code_hash=place.code_hash)
    registry = AttestationRegistry(home.node(), place.contract)
    registry.check(anchors=place.anchors)
    return anchors, registry


def account_of(home: Home, keystore_file: Path | None, chain_id: int) -> ChainAccount:
    """Who signs or pays: the keystore, under the passphrase of the settings; on the devnet a public key serves.

    Raises :class:`ConfigurationError` where a keystore or its passphrase is missing or wrong.
    """
    from ledger import telemetry
    from ledger.chain import keystore

    telemetry.configure(home.settings)  # left alone, the warning of the public key would go where data goes
    if keystore_file is None:
        if chain_id == keystore.DEVNET_CHAIN_ID:
            return keystore.devnet_account(chain_id, _DEVNET_INDEX)
        raise ConfigurationError("whose key? give an encrypted keystore file with --keystore")
    passphrase = home.settings.read_passphrase()
    if passphrase is None:
        raise ConfigurationError(
            f"{keystore_file} is encrypted: name its passphrase's file in POOLPROOF_PASSPHRASE_FILE"
        )
    return keystore.load(keystore_file, passphrase)


def fund_on_devnet(home: Home, account: ChainAccount, chain_id: int) -> None:
    """On the devnet, where money is free, an account that has none gets some."""
    from ledger.chain import devnet, keystore

    if chain_id == keystore.DEVNET_CHAIN_ID and not home.node().balance(account.address):
        devnet.fund(home.rpc_url, account.address)


def attestation(
    report: AuditReport, place: Place, *, verdict: Verdict, scope: str | None, signer: bytes, nonce: int,
    deadline: int,
) -> Attestation:  # fmt: skip
    """What is signed about a report. ``scope`` None: the audit's day; ``deadline`` in Unix seconds.

    Raises :class:`ConfigurationError` for a report of another log or chain, or under another trust root.
    """
    from ledger.audit import reportfile
    from ledger.chain.attestation import Attestation

    basis = report.basis
    for what, found, expected in (
        ("log", basis.origin, place.origin),
        ("chain", basis.chain_id, place.chain_id),
        ("contract", basis.contract and basis.contract.lower(), f"0x{place.anchors.hex()}"),
        ("trust root", basis.fingerprint, place.fingerprint or basis.fingerprint),
    ):
        if found != expected:
            raise ConfigurationError(f"the report is of another {what}: {found or 'none'}, not {expected}")
    return Attestation(
        log=place.log_id,
        size=basis.size,
        root=bytes.fromhex(basis.root),
        subject=f"pool:{report.pool}",
        scope=f"audit as of {basis.as_of}" if scope is None else scope,
        rules_version=report.rules_version,
        evidence=bytes.fromhex(reportfile.digest(report)),
        verdict=verdict,
        signer=signer,
        nonce=nonce,
        deadline=deadline,
    )


def check_anchored(anchors: ChainClient, one: Attestation) -> None:
    """The contract holds the root at that size, so that it will take the attestation.

    Raises :class:`ConfigurationError` where nothing is anchored there, :class:`VerificationError` for another root.
    """
    found = anchors.root_at(one.size)
    if found is None:
        raise ConfigurationError(
            f"size {one.size} is not anchored, and an attestation stands on an anchored size: `poolproof anchor`"
            " it, or audit a size that is"
        )
    if found != one.root:
        raise VerificationError(
            f"the contract holds another root at size {one.size} than the report",
            step="anchor",
            evidence={"size": one.size, "report": one.root.hex(), "contract": found.hex()},
        )


def sign(account: ChainAccount, one: Attestation, place: Place) -> SignedAttestation:
    """Sign it for the contract of ``place``."""
    from ledger.chain.attestation import SignedAttestation

    typed = one.typed_data(chain_id=place.chain_id, contract=place.contract)
    return SignedAttestation(
        chain_id=place.chain_id, contract=place.contract, attestation=one, signature=account.sign_typed(typed)
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """An attestation that stands; ``disowned`` where the log's owner closed it below that size."""

    attested: Attested
    disowned: bool


def listed(
    home: Home, place: Place, subject: str, *, signer: bytes | None, most: int
) -> tuple[int, list[Listed]]:
    """How many attestations there are about the subject, and the newest ``most`` of them (by ``signer``, if given).

    Raises :class:`NotFoundError` where the contract knows no such log.
    """
    anchors, registry = open_place(home, place)
    info = anchors.log_info()
    number = registry.count(place.log_id, subject)
    found: list[Listed] = []
    for one in registry.newest_first(place.log_id, subject):
        if len(found) == most:
            break
        if signer in (None, one.signer):
            found.append(Listed(one, info.closed and one.size > info.last_good_size))
    return number, found
