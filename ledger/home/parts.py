"""The parts of one ledger, each opened when it is first asked for."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ledger.errors import ConfigurationError, NotFoundError, UnavailableError
from ledger.home.files import PRIVATE, HomeFiles
from ledger.settings import Settings

if TYPE_CHECKING:
    from ledger.anchors import Anchorer
    from ledger.chain.client import ChainClient
    from ledger.chain.keystore import ChainAccount
    from ledger.log import Ledger
    from ledger.proofs.note import Signer
    from ledger.relay import Relayer
    from ledger.sending import Spending
    from ledger.store import ReadConnection, Store
    from ledger.store.anchors import AnchorRow
    from ledger.store.logs import ChainRow
    from ledger.vault import Vault
    from ledger.webhooks.endpoints import Endpoints

_GWEI = 10**9
#: On anvil with epochs of one slot the finalized block is two behind the head.
_DEVNET_FINALITY_BLOCKS = 3


class Home:
    """The parts of one ledger, opened lazily. Use it as a context manager or call :meth:`close`.

    With ``signs=False`` the checkpoint key is not read even where it lies: this process cannot publish.
    """

    def __init__(self, settings: Settings, *, signs: bool = True) -> None:
        self.settings = settings
        self.path: Path = settings.home
        self.files = HomeFiles(path=settings.home, keys=settings.keys, config=settings.config_file)
        self._signs = signs
        self._node: ChainClient | None = None
        self._client: ChainClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what was opened."""
        if "store" in self.__dict__:
            self.store.close()
        if self._node is not None:
            self._node.close()

    # -- the ledger ----------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """The log's name; raises :class:`ConfigurationError` before `init`."""
        if self.settings.origin is None:
            raise ConfigurationError(f"no log in {self.path}; make one with `poolproof init --origin NAME`")
        return self.settings.origin

    @cached_property
    def store(self) -> Store:
        """The database; raises :class:`ConfigurationError` before `init`."""
        from ledger.store import Store

        # Asked first: no empty database is left in a home whose name was mistyped.
        _ = self.origin
        url = self.settings.database
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        return Store(url)

    @cached_property
    def vault(self) -> Vault:
        """Opens subjects' secrets."""
        from ledger.vault import Vault

        return Vault.load(self.files.kek)

    @cached_property
    def service(self) -> Signer:
        """The key of acceptances and receipts."""
        from ledger.vault import load_signer

        return load_signer(self.files.service_key)

    @cached_property
    def signer(self) -> Signer | None:
        """The checkpoint key; None in a process that does not hold it."""
        from ledger.vault import load_signer

        return load_signer(self.files.log_key) if self._signs and self.files.log_key.exists() else None

    @cached_property
    def ledger(self) -> Ledger:
        """The log, opened with the keys that this home holds."""
        from ledger.log import Ledger
        from ledger.webhooks.refusals import announcer

        return Ledger(
            self.store,
            self.origin,
            vault=self.vault,
            service=self.service,
            signer=self.signer,
            anchor_within=self.anchor_within,
            retention_years=self.settings.retention_years,
            on_taken=announcer(self.store, self.origin),
        )

    @property
    def anchor_within(self) -> timedelta:
        """What acceptances promise."""
        return timedelta(seconds=self.settings.anchor_within_seconds)

    def log_id(self, connection: ReadConnection) -> int:
        """The log's id in this database."""
        from ledger.store import logs

        return logs.get(connection, self.origin).id

    def evidence(self, size: int | None) -> bytes:
        """The evidence file of the final anchor of this size, or the newest; raises :class:`NotFoundError`."""
        from ledger.store import anchors

        with self.store.read() as connection:
            log_id = self.log_id(connection)
            wanted = anchors.newest_size(connection, log_id, "final") if size is None else size
            document = anchors.evidence(connection, log_id, wanted) if wanted else None
        if document is None:
            what = "no anchor is final yet" if not wanted else f"no evidence of size {wanted}"
            raise NotFoundError(f"{self.origin}: {what}; `poolproof status` shows the anchors")
        return document

    # -- the chain -----------------------------------------------------------------------------------------

    @property
    def rpc_url(self) -> str:
        """The chain's endpoint: the setting, else the devnet of this home, on whatever port it runs now.

        Raises :class:`ConfigurationError` where neither is there, :class:`UnavailableError` for a devnet that
        does not run.
        """
        if self.settings.rpc_url is not None:
            return self.settings.rpc_url
        from ledger.chain import devnet

        running = devnet.status(self.files.devnet)
        if running is not None:
            return running.url
        if self.files.devnet.is_dir():
            raise UnavailableError(
                "the devnet of this home does not run; start it with `poolproof devnet start`"
            )
        raise ConfigurationError(
            "no chain endpoint: set POOLPROOF_RPC_URL, or start one with `poolproof devnet start`"
        )

    def served_settings(self) -> Settings:
        """The settings with the endpoint that is in use now, for the API."""
        if self.settings.rpc_url is not None or self.ledger.row().chain is None:
            return self.settings
        return self.settings.model_copy(update={"rpc_url": self.rpc_url})

    def node(self) -> ChainClient:
        """A client of the chain, of no contract yet."""
        if self._node is None:
            from ledger.chain.client import ChainClient

            self._log_to_stderr()
            self._node = ChainClient(self.rpc_url)
        return self._node

    @property
    def binding(self) -> ChainRow:
        """Where the log is anchored; raises :class:`ConfigurationError` before it is on a chain."""
        binding = self.ledger.row().chain
        if binding is None:
            raise ConfigurationError(
                f"{self.origin} is not on a chain yet: run `poolproof init` with a chain endpoint"
            )
        return binding

    def client(self) -> ChainClient:
        """The client of the log's contract, checked once to be the chain and the code that the log is bound to."""
        if self._client is None:
            binding = self.binding
            client = self.node().at(binding.contract, binding.log_key)
            client.check(chain_id=binding.chain_id, genesis=binding.genesis, code_hash=binding.code_hash)
            self._client = client
        return self._client

    def owner(self, chain_id: int) -> ChainAccount:
        """The account that owns the log on chain."""
        return self._account(self.files.owner, chain_id, 0)

    def anchorer_account(self, chain_id: int) -> ChainAccount:
        """The account that sends anchors."""
        return self._account(self.files.anchorer, chain_id, 1)

    def _account(self, file: Path, chain_id: int, devnet_index: int) -> ChainAccount:
        from ledger.chain import keystore

        self._log_to_stderr()
        if not file.exists():
            if chain_id != keystore.DEVNET_CHAIN_ID:
                raise ConfigurationError(f"no keystore {file}: bring it back for as long as this needs it")
            return keystore.devnet_account(chain_id, devnet_index)
        passphrase = self.settings.read_passphrase()
        if passphrase is None:
            raise ConfigurationError(
                f"{file} is encrypted: name its passphrase's file in POOLPROOF_PASSPHRASE_FILE"
            )
        return keystore.load(file, passphrase)

    def _log_to_stderr(self) -> None:
        """The chain's parts log; left alone they would write where data goes."""
        from ledger import telemetry

        telemetry.configure(self.settings)

    @cached_property
    def anchorer(self) -> Anchorer:
        """The outbox of the log, with the account that sends anchors."""
        from ledger.anchors import Anchorer, AnchorPolicy

        settings = self.settings
        policy = AnchorPolicy(
            interval=timedelta(seconds=settings.anchor_seconds), growth=settings.anchor_growth
        )
        account = self.anchorer_account(self.binding.chain_id)
        return Anchorer(self.store, self.origin, self.node(), account, policy=policy, spending=self._spending)

    @cached_property
    def relayer(self) -> Relayer:
        """The outbox of attestations, paid by the account that sends anchors."""
        from ledger.relay import Relayer

        account = self.anchorer_account(self.binding.chain_id)
        return Relayer(
            self.store, self.origin, self.node(), account, spending=self._spending, clock=self.ledger.clock
        )

    @property
    def _spending(self) -> Spending:
        from ledger.sending import Spending

        return Spending(
            patience=timedelta(seconds=self.settings.anchor_patience_seconds),
            max_fee=self.settings.max_fee_gwei * _GWEI,
        )

    def anchor(self, size: int, *, final: bool, timeout: float) -> AnchorRow:
        """Anchor a published size now; the row that covers it, in a block or final.

        On a devnet that makes no blocks by itself, ``final`` lets those pass that finality needs.
        """
        row = self.anchorer.run_until(size, timeout=timeout)
        if not final or row.state == "final":
            return row
        if self.binding.grade == "devnet":
            from ledger.chain import devnet

            with suppress(UnavailableError):  # another make of devnet: its blocks come as they come
                devnet.mine(self.rpc_url, _DEVNET_FINALITY_BLOCKS)
        return self.anchorer.run_until(size, "final", timeout=timeout)

    # -- service -------------------------------------------------------------------------------------------

    @property
    def webhooks(self) -> Endpoints:
        """The parties' webhooks."""
        from ledger.webhooks.endpoints import endpoints_of

        return endpoints_of(self.ledger, networks=self.settings.receiving_networks)
