"""The settings themselves: fields, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from ledger.errors import ConfigurationError
from ledger.settings.sources import from_environment, from_file, variable

Network = IPv4Network | IPv6Network

CONFIG_NAME = "config.toml"


def _setting(default: Any, meaning: str, *, unit: str, reason: str, **bounds: Any) -> Any:
    return Field(
        default=default, description=meaning, json_schema_extra={"unit": unit, "reason": reason}, **bounds
    )


class Settings(BaseModel):
    """The settings of a process. Paths that are not set lie in :attr:`home`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    home: Path = _setting(
        Path(".poolproof"),
        "The directory of this ledger's state: keys, embedded database, devnet, configuration.",
        unit="path",
        reason="beside the work it belongs to; several ledgers on a machine do not meet",
    )
    origin: str | None = _setting(
        None,
        "The log's name; `init` writes it to config.toml.",
        unit="ASCII text without space or +, at most 255 bytes",
        reason="none: a log's name is for ever, so nobody gets one by default",
        min_length=1,
        max_length=255,
    )
    database_url: str | None = _setting(
        None,
        "The database: `sqlite:///path` or `postgresql://user@host/name`.",
        unit="URL",
        reason="`ledger.db` in the home, embedded, so that trying out needs no server",
    )
    keys_dir: Path | None = _setting(
        None,
        "The directory of key files.",
        unit="path",
        reason="`keys` in the home; point API processes at a directory without the checkpoint key",
    )
    rpc_url: str | None = _setting(
        None,
        "The JSON-RPC endpoint of the chain that carries the anchors.",
        unit="URL",
        reason="none: a log works unanchored, and which node is asked is the operator's choice",
        pattern=r"^https?://",
    )
    passphrase: SecretStr | None = _setting(
        None,
        "The passphrase of the encrypted keystore files (owner and anchorer).",
        unit="text",
        reason="none: prefer the file, other processes may see an environment",
    )
    passphrase_file: Path | None = _setting(
        None,
        "A file whose first line is that passphrase.",
        unit="path",
        reason="none: where secrets are mounted differs; goes before the variable",
    )
    publish_seconds: float = _setting(
        2.0,
        "How often the worker publishes a checkpoint when events were appended.",
        unit="seconds",
        reason="a receipt follows within seconds, and a busy log makes at most 43,200 checkpoints a day",
        gt=0,
        le=86_400,
    )
    anchor_seconds: float = _setting(
        600.0,
        "How often the worker starts an anchor when a newer checkpoint stands.",
        unit="seconds",
        reason="144 anchors a day cost some 11 million gas, whatever the volume",
        gt=0,
        le=604_800,
    )
    anchor_growth: int | None = _setting(
        None,
        "How many new entries start an anchor at once, before its time.",
        unit="entries",
        reason="none: by time alone the cost is known beforehand",
        ge=1,
    )
    anchor_patience_seconds: float = _setting(
        90.0,
        "How long an anchor's transaction may be in no block until one that offers more replaces it.",
        unit="seconds",
        reason="seven blocks of mainnet: by then an offer that was enough has been taken",
        gt=0,
        le=86_400,
    )
    max_fee_gwei: int = _setting(
        300,
        "The fee for a unit of gas that no anchor exceeds; one that needs more waits and says so.",
        unit="gwei",
        reason="mainnet was above this for a few hours a year at most",
        ge=0,
        le=1_000_000,
    )
    chain_poll_seconds: float = _setting(
        2.0,
        "How often the worker looks whether an anchor under way was mined, became final or is stuck.",
        unit="seconds",
        reason="below the block time of most chains, few enough calls for a metered endpoint",
        gt=0,
        le=3_600,
    )
    anchor_within_seconds: int = _setting(
        86_400,
        "The time within which an acceptance promises the event's anchor.",
        unit="seconds",
        reason="a broken promise is signed evidence against the operator: it outlasts a chain's bad hours",
        ge=60,
        le=2_592_000,
    )
    audit_seconds: float = _setting(
        0.0,
        "How often the worker audits each pool when a newer size was anchored; 0: only when somebody asks.",
        unit="seconds",
        reason="only when asked: an audit reads the whole log, and who needs one how often is the operator's to say",
        ge=0,
        le=31_536_000,
    )
    audit_report_days: int = _setting(
        400,
        "How long a stored report of an audit is kept; a pool's newest, and the newest that was attested, stay.",
        unit="days",
        reason="a year and a month, so that a year's end can be laid beside the one before; reports name loans",
        ge=1,
        le=36_500,
    )
    retention_years: int = _setting(
        5,
        "How long a loan is kept after its end; until then `erase` refuses it, in the log's zone.",
        unit="years",
        reason="what rules against money laundering ask for in the EU and the US; China's for ten: set what yours do",
        ge=0,
        le=100,
    )
    import_batch: int = _setting(
        10_000,
        "How many events `append` and `import` commit in one transaction.",
        unit="events",
        reason="the cost of a transaction is spread thin by then, and a batch of loans stays below 100 MiB",
        ge=1,
        le=100_000,
    )
    webhook_seconds: float = _setting(
        2.0,
        "How often the worker looks for what is to be told by webhooks.",
        unit="seconds",
        reason="as often as checkpoints are published",
        gt=0,
        le=3_600,
    )
    webhook_networks: str = _setting(
        "",
        "Networks to which webhooks may go besides public addresses; there also by http, and to any port.",
        unit="networks in CIDR notation, separated by commas",
        reason="none: a webhook that reaches into this network is an attack, unless its operator expects it",
    )
    host: str = _setting(
        "127.0.0.1",
        "The address on which `serve` and `api` listen.",
        unit="host name or address",
        reason="not reachable from outside until somebody decides so and puts TLS in front",
    )
    port: int = _setting(
        8080,
        "The port on which `serve` and `api` listen.",
        unit="TCP port",
        reason="the customary port of unprivileged HTTP services",
        ge=1,
        le=65_535,
    )
    max_request_bytes: int = _setting(
        16 * 1024 * 1024,
        "The largest request body that the API reads.",
        unit="bytes",
        reason="an NDJSON batch of some 20,000 events; a record alone may have 1 MiB",
        ge=1024,
        le=1024**3,
    )
    max_request_events: int = _setting(
        5_000,
        "The most events of a batch that is answered at once; a larger one becomes a job.",
        unit="events",
        reason="a second's work or less: nobody's connection is held for longer, and no other batch waits for it",
        ge=1,
        le=1_000_000,
    )
    max_upload_bytes: int = _setting(
        64 * 1024 * 1024,
        "The largest batch that the API takes as a job.",
        unit="bytes",
        reason="some 80,000 events; with `on_error=abort` a worker holds all of them at once",
        ge=1024,
        le=1024**3,
    )
    rate_per_key: int = _setting(
        60_000,
        "How many requests a key has in a minute, in each process of the API; 0: any number.",
        unit="requests",
        reason="what single posts of 1,000 a second need: it stops a client that runs wild, not one that works",
        ge=0,
        le=100_000_000,
    )
    rate_failures: int = _setting(
        60,
        "How many requests with a key that is not in force an address has in a minute, in each process; 0: any number.",
        unit="requests",
        reason="a misconfigured client is noticed and not shut out for long; guessing a secret is hopeless anyway",
        ge=0,
        le=100_000_000,
    )
    rate_open: int = _setting(
        120,
        "How many verifications (`POST /v1/verify`) an address has in a minute, in each process; 0: any number.",
        unit="requests",
        reason="each costs some milliseconds and may ask the node, without a key: who has more verifies at home",
        ge=0,
        le=100_000_000,
    )
    attestations_per_day: int = _setting(
        24,
        "How many attestations a party may have relayed within a day; 0: any number.",
        unit="attestations",
        reason="each costs this ledger's account some 200,000 gas, and nobody checks pools oftener than by the hour",
        ge=0,
        le=100_000,
    )
    log_readers: Literal["everyone", "parties"] = _setting(
        "everyone",
        "Who may fetch the log's checkpoint, tiles and entries over HTTP.",
        unit="everyone or parties",
        reason="a log that anybody can mirror is hard to fork; tiles tell only how many records there were and when",
    )
    trusted_proxies: str = _setting(
        "",
        "Networks whose connections are our own proxies, whose word on a client's address and certificate is taken.",
        unit="CIDRs, comma separated",
        reason="none: anybody can write a header, so none is read until somebody says who may write it",
    )
    session_seconds: int = _setting(
        12 * 3600,
        "How long a session of the portal lasts after its sign-in.",
        unit="seconds",
        reason="a working day; the next begins with a sign-in",
        ge=60,
        le=2_592_000,
    )
    public_url: str | None = _setting(
        None,
        "Where people reach the portal, such as `https://ledger.example`.",
        unit="URL without a path",
        reason="none: behind a proxy the service cannot know; needed for signing in through a provider",
        pattern=r"^https?://[^/?#]+/?$",
    )
    oidc_issuer: str | None = _setting(
        None,
        "The identity provider through which people sign in to the portal (OpenID Connect).",
        unit="URL, as the provider calls itself",
        reason="none: then people sign in with an API key",
        pattern=r"^https?://",
    )
    oidc_client_id: str | None = _setting(
        None,
        "This service's client id at the identity provider.",
        unit="text",
        reason="none: the provider gives it out",
    )
    oidc_client_secret: SecretStr | None = _setting(
        None,
        "This service's secret at the identity provider.",
        unit="text",
        reason="none: a public client with PKCE has none",
    )
    devnet_port: int = _setting(
        8545,
        "The port of the devnet that `devnet start` runs.",
        unit="TCP port",
        reason="what Ethereum tools expect",
        ge=1,
        le=65_535,
    )
    log_format: Literal["console", "json"] = _setting(
        "console",
        "The form of log lines on standard error.",
        unit="console or json",
        reason="people read it first; collectors want json",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info",
        "The least severe log line that is written.",
        unit="debug, info, warning or error",
        reason="a line for each checkpoint and anchor, none for each event",
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process; raises :class:`ConfigurationError` with every value that is wrong."""
        given = from_environment(os.environ if environ is None else environ, cls.model_fields)
        home = Path(given.get("home") or cls.model_fields["home"].default)
        return cls.of({**from_file(home / CONFIG_NAME, cls.model_fields), **given})

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Settings:
        """From values by name; raises :class:`ConfigurationError`."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            reasons = [
                f"{variable(str(one['loc'][0]))}: {one['msg']}" for one in error.errors(include_input=False)
            ]
            raise ConfigurationError("; ".join(reasons)) from None

    @property
    def receiving_networks(self) -> tuple[Network, ...]:
        """The networks besides public ones to which webhooks may go."""
        return networks(self.webhook_networks, variable("webhook_networks"))

    @property
    def database(self) -> str:
        """The database's URL, the embedded one where none is set."""
        return self.database_url or f"sqlite:///{self.home / 'ledger.db'}"

    @property
    def keys(self) -> Path:
        """The directory of key files."""
        return self.keys_dir or self.home / "keys"

    @property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of our own proxies."""
        return networks(self.trusted_proxies, variable("trusted_proxies"))

    @property
    def config_file(self) -> Path:
        """Where `init` writes settings."""
        return self.home / CONFIG_NAME

    def read_passphrase(self) -> str | None:
        """The keystores' passphrase, from the file or the environment; None where neither is set."""
        if self.passphrase_file is None:
            return self.passphrase.get_secret_value() if self.passphrase is not None else None
        try:
            lines = self.passphrase_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{variable('passphrase_file')}: {self.passphrase_file}: {error}"
            ) from error
        if not lines or not lines[0]:
            raise ConfigurationError(
                f"{variable('passphrase_file')}: {self.passphrase_file} has an empty first line"
            )
        return lines[0]


def networks(text: str, field: str) -> tuple[Network, ...]:
    """Networks in CIDR form, comma separated. Raises :class:`ConfigurationError` naming ``field``."""
    found: list[Network] = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ip_network(one))
        except ValueError as error:
            raise ConfigurationError(f"{field}: {error}; write it like 10.2.0.0/16") from None
    return tuple(found)
