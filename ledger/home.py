"""The composition root of command line, worker and API: settings in, opened parts out.

A home is a directory::

    .poolproof/
      config.toml        settings that `init` wrote (origin, rpc_url); the environment goes before them
      ledger.db          the embedded database, unless POOLPROOF_DATABASE_URL names another
      erasures.jsonl     which loans were erased, to erase them again from a backup that is put back
      kek-backup.json    fingerprint of the key-encryption key whose backup was read back, and when
      keys/              mode 0700
        kek              key-encryption key: without it private fields cannot be opened again
        log.key          signs checkpoints; only `worker`, `serve`, `anchor` and `publish` need it
        service.key      signs acceptances and receipts
        owner.json       encrypted keystore: opens the log on chain, changes its trust root
        anchorer.json    encrypted keystore: sends anchors
      devnet/            state, log and process id of a local chain

Every part is opened when it is first asked for, so that a command pays only for what it uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.errors import ConfigurationError, NotFoundError, UnavailableError
from ledger.settings import CONFIG_NAME, Settings

if TYPE_CHECKING:
    from ledger.anchors import Anchorer
    from ledger.audits import Auditor
    from ledger.chain.client import ChainClient
    from ledger.chain.keystore import ChainAccount
    from ledger.erasure import Journal
    from ledger.jobs import Handler, Runner
    from ledger.log import Ledger
    from ledger.proofs.note import Signer
    from ledger.store import ReadConnection, Store
    from ledger.store.anchors import AnchorRow
    from ledger.store.logs import ChainRow, LogRow
    from ledger.vault import Vault
    from ledger.webhooks.courier import Courier
    from ledger.webhooks.endpoints import Endpoints
    from ledger.webhooks.sources.missing import MissingFile
    from ledger.workers import Loop

_PRIVATE = 0o700
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

    # -- files ---------------------------------------------------------------------------------------------

    @property
    def kek_file(self) -> Path:
        """The key-encryption key."""
        return self.settings.keys / "kek"

    @property
    def log_key_file(self) -> Path:
        """The checkpoint key."""
        return self.settings.keys / "log.key"

    @property
    def service_key_file(self) -> Path:
        """The key of acceptances and receipts."""
        return self.settings.keys / "service.key"

    @property
    def owner_file(self) -> Path:
        """The keystore that opens the log on chain."""
        return self.settings.keys / "owner.json"

    @property
    def anchorer_file(self) -> Path:
        """The keystore that sends anchors."""
        return self.settings.keys / "anchorer.json"

    @property
    def devnet_dir(self) -> Path:
        """Where a local chain keeps its state."""
        return self.path / "devnet"

    @property
    def backup_file(self) -> Path:
        """The note that a backup of the key-encryption key was read back."""
        return self.path / "kek-backup.json"

    @property
    def erasures(self) -> Journal:
        """The erasures of this home, which an older backup of the database does not know."""
        from ledger.erasure import Journal

        return Journal(self.path / "erasures.jsonl")

    def make_directory(self) -> None:
        """Create the home, readable by its owner only."""
        self.path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)

    def write_config(self, **values: str) -> None:
        """Set these settings in config.toml, keeping the others; the file is replaced whole."""
        import tomllib

        file = self.settings.config_file
        try:
            standing: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            standing = {}
        # A JSON string is a TOML basic string, as long as nothing is written as a surrogate pair.
        lines = [
            f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
            for name, value in sorted({**standing, **values}.items())
        ]
        fresh = file.with_name(CONFIG_NAME + ".new")
        fresh.touch(mode=0o600)  # an endpoint's URL often holds its key
        fresh.write_text(
            "# Written by `poolproof init`; `poolproof config` explains every setting.\n" + "".join(lines),
            encoding="utf-8",
        )
        fresh.replace(file)

    # -- the ledger ----------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """The log's name; raises :class:`ConfigurationError` before `init`."""
        if self.settings.origin is None:
            raise ConfigurationError(f"no log in {self.path}; make one with `poolproof init --origin NAME`")
        return self.settings.origin

    @cached_property
    def store(self) -> Store:
        """The database."""
        from ledger.store import Store

        url = self.settings.database
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        return Store(url)

    @cached_property
    def vault(self) -> Vault:
        """Opens subjects' secrets."""
        from ledger.vault import Vault

        return Vault.load(self.kek_file)

    @cached_property
    def service(self) -> Signer:
        """The key of acceptances and receipts."""
        from ledger.vault import load_signer

        return load_signer(self.service_key_file)

    @cached_property
    def signer(self) -> Signer | None:
        """The checkpoint key; None in a process that does not hold it."""
        from ledger.vault import load_signer

        return load_signer(self.log_key_file) if self._signs and self.log_key_file.exists() else None

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

        running = devnet.status(self.devnet_dir)
        if running is not None:
            return running.url
        if self.devnet_dir.is_dir():
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
        return self._account(self.owner_file, chain_id, 0)

    def anchorer_account(self, chain_id: int) -> ChainAccount:
        """The account that sends anchors."""
        return self._account(self.anchorer_file, chain_id, 1)

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
            interval=timedelta(seconds=settings.anchor_seconds),
            growth=settings.anchor_growth,
            patience=timedelta(seconds=settings.anchor_patience_seconds),
            max_fee=settings.max_fee_gwei * _GWEI,
        )
        account = self.anchorer_account(self.binding.chain_id)
        return Anchorer(self.store, self.origin, self.node(), account, policy=policy)

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

    def loops(self, *only: str) -> list[Loop]:
        """What a worker of this log does, or only the loops of these names.

        Raises :class:`ConfigurationError` for a name that no loop has, and where a key is missing that one needs.
        """
        from ledger import uploads
        from ledger.audits import KIND as AUDIT
        from ledger.workers import anchoring, auditing, publishing, snapshotting, taking_in, telling

        settings = self.settings
        makers: dict[str, Callable[[], Loop]] = {
            "publish": lambda: publishing(self.ledger, every=settings.publish_seconds),
            "anchor": lambda: anchoring(self.anchorer, every=settings.chain_poll_seconds),
            "webhooks": lambda: telling(self.courier, every=settings.webhook_seconds),
            "snapshot": lambda: snapshotting(self.ledger),
            "events": lambda: taking_in(
                self._runner({uploads.KIND: uploads.Intake(self.ledger, batch=settings.import_batch).perform})
            ),
            "audit": lambda: auditing(
                self._runner({AUDIT: self.auditor.perform}), self.auditor, every=settings.audit_seconds
            ),
        }
        if unknown := set(only) - set(makers):
            raise ConfigurationError(f"no loop {min(unknown)!r}; a worker has {', '.join(makers)}")
        # A log on no chain is only published.
        chosen = only or [name for name in makers if name != "anchor" or self.ledger.row().chain is not None]
        return [makers[name]() for name in chosen]

    # -- webhooks ------------------------------------------------------------------------------------------

    @property
    def webhooks(self) -> Endpoints:
        """The parties' webhooks."""
        from ledger.webhooks.endpoints import endpoints_of

        return endpoints_of(self.ledger, networks=self.settings.receiving_networks)

    @cached_property
    def courier(self) -> Courier:
        """Finds what is to be told, and sends it."""
        from ledger.webhooks.courier import Courier
        from ledger.webhooks.guard import Guard
        from ledger.webhooks.sending import Sender
        from ledger.webhooks.sources.attested import Attested
        from ledger.webhooks.sources.late import Late
        from ledger.webhooks.sources.missing import Missing

        ledger = self.ledger
        return Courier(
            ledger.store,
            ledger.origin,
            vault=ledger.vault,
            sender=Sender(Guard(self.settings.receiving_networks)),
            clock=ledger.clock,
            sources=(
                Late(within=self.anchor_within, clock=ledger.clock),
                Missing(self._missing_files, clock=ledger.clock),
                Attested(self.node),
            ),
        )

    def _missing_files(self, log: LogRow) -> list[MissingFile]:
        """Files of partners that were due and have not come."""
        from ledger.exchange import states
        from ledger.webhooks.sources.missing import MissingFile

        problems = states.problems(self.store, log, now=self.ledger.clock())
        return [
            MissingFile(day=one.day, party=one.party, name=one.name, detail=one.detail)
            for one in problems
            if one.kind == states.Kind.MISSING
        ]

    @cached_property
    def auditor(self) -> Auditor:
        """Performs audits that were asked for, with the node of this home."""
        from ledger.audits import Auditor

        return Auditor(self.ledger, kek=self.kek_file, rpc_url=lambda: self.rpc_url)

    def _runner(self, handlers: Mapping[str, Handler]) -> Runner:
        from ledger.jobs import Runner

        return Runner(self.store, self.origin, handlers, clock=self.ledger.clock)

    # -- the backup of the key-encryption key --------------------------------------------------------------

    def confirm_backup(self, copy: Path) -> str:
        """Read the copy of the key-encryption key, made first where there is none; returns the fingerprint.

        Raises :class:`ConfigurationError` if the copy lies in the keys' own directory or is another key.
        """
        from ledger.vault import Vault, write_private

        if copy.resolve().parent == self.settings.keys.resolve():
            raise ConfigurationError(
                f"{copy}: a backup in the directory of the key itself would be lost with it"
            )
        if not copy.exists():
            write_private(copy, self.kek_file.read_text(encoding="ascii"))
        if Vault.load(copy).fingerprint != self.vault.fingerprint:
            raise ConfigurationError(
                f"{copy}: not a copy of {self.kek_file} (fingerprint {self.vault.fingerprint})"
            )
        note = {
            "fingerprint": self.vault.fingerprint,
            "confirmed": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.backup_file.write_text(json.dumps(note) + "\n")
        return self.vault.fingerprint

    def confirmed_backup(self) -> dict[str, str] | None:
        """Fingerprint and time of the backup that was confirmed last; None if never."""
        try:
            note = json.loads(self.backup_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self.backup_file}: {error}") from error
        return {"fingerprint": str(note["fingerprint"]), "confirmed": str(note["confirmed"])}
