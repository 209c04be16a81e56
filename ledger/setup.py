"""Making a log, opening it on chain, issuing its trust root: what is done once, by hand, and can be interrupted.

Each function does what is still missing and leaves the rest alone, so that running it again after a failure is
always right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from ledger.errors import ConfigurationError, NotFoundError
from ledger.home import Home

if TYPE_CHECKING:
    from ledger.chain.client import Account, ChainClient
    from ledger.log import Ledger
    from ledger.store.logs import ChainRow

#: The key name of acceptances and receipts; the checkpoint key is named by the origin alone.
SERVICE_SUFFIX: Final = "/service"
#: Business dates are those of China unless the log says otherwise.
ZONE: Final = "Asia/Shanghai"
DAY_CUT: Final = "00:00"
#: The strictest that Ethereum and its rollups have; other chains have to say another.
FINALITY: Final = "tag:finalized"
#: Most leaves that one anchor may add: how far a stolen anchorer key reaches. A year of a mid-sized pool.
MAX_GROWTH: Final = 10_000_000
#: Greatest age of the newest anchor that verifiers accept without a warning, in seconds.
MAX_ANCHOR_AGE: Final = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPolicy:
    """How a log is opened on chain. ``contract`` (20 bytes) is an AnchorRegistry that stands there already.

    Raises :class:`ConfigurationError` for a finality or grade that cannot be, before anything is made.
    """

    contract: bytes | None = None
    finality: str | None = None
    grade: str | None = None
    max_anchor_age: int | None = None
    max_growth: int | None = None
    #: an AttestationRegistry that stands there already, ``"new"`` to deploy one; None: deploy one on a devnet only
    attestations: bytes | Literal["new"] | None = None

    def __post_init__(self) -> None:
        from ledger.chain.finality import Finality
        from ledger.proofs.trust import GRADES
        from ledger.sequence import MAX_UNPUBLISHED

        if self.grade is not None and self.grade not in GRADES:
            raise ConfigurationError(f"grade {self.grade!r}: one of {', '.join(GRADES)}")
        if self.finality is not None:
            Finality.parse(self.finality)
        if self.max_growth is not None and self.max_growth <= MAX_UNPUBLISHED:
            # One checkpoint may add this many entries and the register's: an anchor must be able to take it.
            raise ConfigurationError(f"--max-growth {self.max_growth}: more than {MAX_UNPUBLISHED}")

    def refuse_changes(self, standing: ChainRow) -> None:
        """Verifiers apply what the trust root says since the log was bound; no option changes that."""
        for option, wanted, found in (
            ("contract", self.contract, standing.contract),
            ("finality", self.finality, standing.finality),
            ("grade", self.grade, standing.grade),
            ("max-anchor-age", self.max_anchor_age, standing.max_anchor_age),
        ):
            if wanted is not None and wanted != found:
                shown = f"0x{found.hex()}" if isinstance(found, bytes) else found
                raise ConfigurationError(
                    f"--{option}: the log is bound with {shown}, and that does not change"
                )


@dataclass(frozen=True, slots=True)
class Issued:
    """A trust root as issued: the file, its fingerprint in hex, and whether the contract was told just now."""

    document: bytes
    fingerprint: str
    changed: bool
    on_chain: bool


def make_log(
    home: Home, *, origin: str | None, zone: str | None, day_cut: str | None
) -> tuple[Home, list[str]]:
    """Keys, database and log, as far as they are missing; the home opened anew and the names of what was made."""
    from ledger.charter import check_origin
    from ledger.log import Ledger
    from ledger.proofs.note import Signer
    from ledger.settings import Settings
    from ledger.store import logs, migrations
    from ledger.vault import Vault, create_signer, load_signer

    standing = home.settings.origin
    if origin is not None and standing not in (None, origin):
        raise ConfigurationError(
            f"{home.path} is the home of {standing}; give another log its own POOLPROOF_HOME"
        )
    name = origin or home.origin
    check_origin(name)
    home = Home(home.settings.model_copy(update={"origin": name}))
    made = []
    home.files.make_directory()
    if home.files.kek.exists():
        vault = Vault.load(home.files.kek)
    else:
        vault = Vault.create(home.files.kek)
        made.append("key-encryption key")
    signers: dict[str, Signer] = {}
    for file, key_name in ((home.files.log_key, name), (home.files.service_key, name + SERVICE_SUFFIX)):
        if file.exists():
            signers[key_name] = load_signer(file)
        else:
            signers[key_name] = create_signer(file, key_name)
            made.append(file.name)
    migrations.upgrade(home.store)
    with home.store.read() as connection:
        known = name in logs.origins(connection)
    if not known:
        service = signers[name + SERVICE_SUFFIX]
        Ledger.create(
            home.store,
            name,
            vault=vault,
            service=service,
            signer=signers[name],
            zone=zone or ZONE,
            day_cut=day_cut or DAY_CUT,
        )
        made.append("log")
    else:
        _refuse_changes(home, name, zone, day_cut)
    if standing is None:
        home.files.write_config(origin=name)
    values = home.settings.model_dump(exclude_unset=True)
    home.close()
    return Home(Settings.of(values)), made


def _refuse_changes(home: Home, name: str, zone: str | None, day_cut: str | None) -> None:
    """Zone and day cut are for ever: business dates that were accepted under them would change."""
    from ledger.store import logs

    with home.store.read() as connection:
        row = logs.get(connection, name)
    for what, wanted, found in (("zone", zone, row.zone), ("day cut", day_cut, row.day_cut)):
        if wanted is not None and wanted != found:
            raise ConfigurationError(f"{name}: its {what} is {found} and does not change")


def make_keystores(home: Home, chain_id: int) -> list[str]:
    """The encrypted keystores of owner and anchorer, as far as they are missing; the files made.

    On the devnet none are needed: without a passphrase its public keys serve. Raises
    :class:`ConfigurationError` on any other chain without a passphrase.
    """
    from ledger.chain import keystore

    passphrase = home.settings.read_passphrase()
    if passphrase is None:
        if chain_id == keystore.DEVNET_CHAIN_ID or (
            home.files.owner.exists() and home.files.anchorer.exists()
        ):
            return []
        raise ConfigurationError("keystores need a passphrase: name its file in POOLPROOF_PASSPHRASE_FILE")
    made = []
    for file in (home.files.owner, home.files.anchorer):
        if not file.exists():
            keystore.create(file, passphrase)
            made.append(file.name)
    return made


def open_on_chain(home: Home, policy: ChainPolicy) -> tuple[ChainRow, list[str]]:
    """Deploy the contract, bind the log to it and open it there, as far as that is missing.

    Raises :class:`ConfigurationError` where a choice is missing or the chain is another one than before.
    """
    from ledger.chain import keystore

    node = home.node()
    chain_id = node.chain_id()
    made = make_keystores(home, chain_id)
    owner, anchorer = home.owner(chain_id), home.anchorer_account(chain_id)
    if made and chain_id == keystore.DEVNET_CHAIN_ID:
        from ledger.chain import devnet

        for account in (owner, anchorer):
            devnet.fund(home.rpc_url, account.address)
    _refuse_unfunded(node, owner, anchorer)
    binding = home.ledger.row().chain
    if binding is None:
        grade = policy.grade or ("devnet" if chain_id == keystore.DEVNET_CHAIN_ID else None)
        if grade is None:
            raise ConfigurationError(
                "say who could rewrite this chain: --grade operator, consortium or public"
            )
        binding = _bind(home, node, owner, policy, grade)
        made.append("contract" if policy.contract is None else "binding")
    policy.refuse_changes(binding)
    node.at(binding.contract).check(
        chain_id=binding.chain_id, genesis=binding.genesis, code_hash=binding.code_hash
    )
    made += _attestations(home, node, owner, policy, binding)
    client = node.at(binding.contract, binding.log_key)
    try:
        info = client.log_info()
        if policy.max_growth not in (None, info.max_growth):
            raise ConfigurationError(
                f"--max-growth: the log is open with {info.max_growth}, and that does not change"
            )
    except NotFoundError:
        fingerprint = bytes.fromhex(_issue(home, home.ledger, ()).fingerprint)
        opened = client.open_log(
            owner,
            origin=home.origin,
            anchorer=anchorer.address,
            max_growth=policy.max_growth or MAX_GROWTH,
            trust_root=fingerprint,
        )
        if opened.log_key != binding.log_key:
            raise ConfigurationError(
                f"the owner's key is not the one that {home.origin} was bound with (log id 0x{binding.log_key.hex()})"
            ) from None
        made.append("log on chain")
    return binding, made


def _attestations(
    home: Home, node: ChainClient, owner: Account, policy: ChainPolicy, binding: ChainRow
) -> list[str]:
    """Name the AttestationRegistry, or deploy it, where that is missing; what was made."""
    from ledger.chain.attestation_registry import AttestationRegistry

    standing, wanted = home.ledger.row().attestations, policy.attestations
    if standing is not None:
        if wanted not in (None, "new", standing):
            raise ConfigurationError(
                f"--attestations: the log has its attestations at 0x{standing.hex()}, and that does not change"
            )
        return []
    if wanted is None and binding.grade != "devnet":
        return []
    if isinstance(wanted, bytes):
        AttestationRegistry(node, wanted).check(anchors=binding.contract)
        home.ledger.bind_attestations(wanted)
        return ["attestations' binding"]
    made = AttestationRegistry.deploy(node, owner, anchors=binding.contract)
    home.ledger.bind_attestations(made.contract)
    return ["attestation contract"]


def _refuse_unfunded(node: ChainClient, *accounts: Account) -> None:
    """Say at once who needs money, rather than one account after the other."""
    if not node.fees().max_fee:
        return
    poor = [f"0x{account.address.hex()}" for account in accounts if not node.balance(account.address)]
    if poor:
        raise ConfigurationError(
            f"send money for gas to {' and '.join(poor)}, then run `poolproof init` again"
        )


def _bind(home: Home, node: ChainClient, owner: Account, policy: ChainPolicy, grade: str) -> ChainRow:
    from ledger.store.logs import ChainRow

    client = node.deploy(owner) if policy.contract is None else node.at(policy.contract)
    binding = ChainRow(
        chain_id=node.chain_id(),
        genesis=node.genesis(),
        contract=client.contract,
        code_hash=client.code_hash(),
        log_key=client.call("logKey", owner.address, home.origin)["log"],
        finality=policy.finality or FINALITY,
        grade=grade,
        max_anchor_age=policy.max_anchor_age or MAX_ANCHOR_AGE,
    )
    home.ledger.bind_chain(binding)
    return binding


def issue_trust_root(home: Home, *, pin: bool = False) -> Issued:
    """The trust root as the ledger's facts are now; if it changed, stored and its fingerprint set on chain.

    Blocks pinned before stay; ``pin`` adds that of the newest final anchor. Raises :class:`NotFoundError`
    when nothing is final yet.
    """
    ledger = home.ledger
    added: tuple[tuple[int, bytes], ...] = ()
    if pin:
        from ledger.proofs.evidence import Evidence

        evidence = Evidence.parse(home.evidence(None))
        added = ((evidence.block_number, evidence.block_hash),)
    issued = _issue(home, ledger, added)
    chain = ledger.row().chain
    if chain is None:
        return issued
    client = home.client()
    fingerprint = bytes.fromhex(issued.fingerprint)
    if client.trust_root() == fingerprint:
        return Issued(issued.document, issued.fingerprint, issued.changed, on_chain=True)
    client.set_trust_root(home.owner(chain.chain_id), fingerprint)
    return Issued(issued.document, issued.fingerprint, changed=True, on_chain=True)


def _issue(home: Home, ledger: Ledger, added: tuple[tuple[int, bytes], ...]) -> Issued:
    """Store the trust root if it is not the one issued last."""
    from datetime import UTC, datetime

    from ledger.domain import calendar
    from ledger.proofs.trust import TrustRoot
    from ledger.store import logs

    with home.store.read() as connection:
        log = logs.get(connection, home.origin)
        last = logs.latest_trust_root(connection, log.id)
    pinned = {(one.number, one.hash) for one in TrustRoot.parse(last).pinned_blocks} if last else set()
    root = ledger.trust_root(pinned=sorted(pinned | set(added)))
    document, fingerprint = root.encode(), root.fingerprint
    if document == last:
        return Issued(document, fingerprint, changed=False, on_chain=False)
    with home.store.write() as connection:
        log = logs.lock(connection, home.origin)
        now = calendar.format_instant(datetime.now(UTC))
        logs.put_trust_root(
            connection, log.id, fingerprint=bytes.fromhex(fingerprint), document=document, issued=now
        )
    return Issued(document, fingerprint, changed=True, on_chain=False)
