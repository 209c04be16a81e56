"""What a log is founded on: its name, its zone, its keys, its parties, and the contracts that it is anchored in.

Whoever runs the log says these facts, most of them once. They are what a verifier must know before it believes
anything else, so the trust root is made from them and from nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from ledger.domain import calendar
from ledger.domain.events.base import ROLES
from ledger.errors import ConfigurationError, MalformedError
from ledger.proofs import trust
from ledger.proofs.documents import NAME
from ledger.proofs.note import Verifier
from ledger.store import ReadConnection, Store, WriteConnection, logs, migrations
from ledger.store.logs import ChainRow, KeyRow, LogRow, PartyRow


def found(
    store: Store, origin: str, *, zone: str, day_cut: str, log_key: Verifier, service_key: Verifier
) -> None:
    """Make a new log of this name, with the keys that its checkpoints and documents will be signed with.

    Raises :class:`ConfigurationError` for an ill-formed origin, an unknown zone or an ill-formed cut, and for a
    database that has a log: one carries one, whose ids are its own.
    """
    check_origin(origin)
    calendar.business_date(datetime.now(UTC), zone, day_cut)  # refuses an unknown zone or an ill-formed cut
    migrations.upgrade(store)
    with store.write() as connection:
        there = logs.origins(connection)
        if there:
            raise ConfigurationError(
                f"origin: this database has the log {there[0]!r}; give {origin!r} a database of its own"
            )
        log_id = logs.create(connection, origin=origin, zone=zone, day_cut=day_cut)
        logs.put_key(connection, log_id, KeyRow("log", log_key.vkey, 0, None))
        logs.put_key(connection, log_id, KeyRow("service", service_key.vkey, 0, None))


def check_origin(origin: str) -> None:
    """Raise :class:`ConfigurationError` unless ``origin`` can name a log: ASCII, no space or ``+``, at most 255."""
    if (
        not origin
        or len(origin) > 255
        or not origin.isascii()
        or not origin.isprintable()
        or set(origin) & set(" +")
    ):
        raise ConfigurationError(
            f"origin {origin!r}: ASCII without space or '+', 1 to 255 characters, like bank.example/pool-2026"
        )


class HasRoles(Protocol):
    """A party, as a log or a trust root has it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Its roles."""


def keeper_of(parties: Iterable[HasRoles]) -> str | None:
    """Who keeps the records: the only servicer, else the only originator; None where several could."""
    known = list(parties)
    for role in ("servicer", "originator"):
        found = [one.name for one in known if role in one.roles]
        if len(found) == 1:
            return found[0]
    return None


def put_party(
    connection: WriteConnection, log: LogRow, name: str, roles: Sequence[str], keys: Sequence[str]
) -> None:
    """Add a party, or give it new roles and keys. Raises :class:`ConfigurationError` for one that cannot be."""
    _check_party(name, roles, keys)
    logs.put_party(connection, log.id, PartyRow(name, tuple(sorted(roles)), tuple(keys)))


def _check_party(name: str, roles: Sequence[str], keys: Sequence[str]) -> None:
    """Refuse an ill-formed name, a role that is none, and a key under another name."""
    if NAME.fullmatch(name) is None:
        raise ConfigurationError(f"party {name!r}: 1 to 64 of A-Z a-z 0-9 . _ : -")
    if not roles or set(roles) - ROLES:
        raise ConfigurationError(f"party {name}: a role is one of {', '.join(sorted(ROLES))}")
    for key in keys:
        try:
            verifier = Verifier.parse(key)
        except MalformedError as error:
            raise ConfigurationError(f"party {name}: key {key[:80]!r}: {error.reason}") from error
        if verifier.name != name:
            raise ConfigurationError(f"party {name}: the key {verifier.reference} bears another name")


def bind_chain(connection: WriteConnection, log: LogRow, chain: ChainRow) -> None:
    """Say where the log is anchored; once said it does not change."""
    if log.chain is not None and log.chain != chain:
        raise ConfigurationError(f"{log.origin} is anchored at 0x{log.chain.contract.hex()} already")
    logs.bind(connection, log.id, chain)


def bind_attestations(connection: WriteConnection, log: LogRow, contract: bytes) -> None:
    """Say at which AttestationRegistry attestations about this log stand; once said it does not change."""
    if log.attestations not in (None, contract):
        raise ConfigurationError(f"{log.origin} has its attestations at 0x{log.attestations.hex()} already")
    logs.bind_attestations(connection, log.id, contract)


def trust_root(
    connection: ReadConnection, log: LogRow, pinned: Sequence[tuple[int, bytes]]
) -> trust.TrustRoot:
    """What a verifier must know about this log, from the ledger's own facts."""
    keys = logs.list_keys(connection, log.id)

    def of(kind: str) -> tuple[trust.KeySpan, ...]:
        return tuple(
            trust.KeySpan(verifier=Verifier.parse(k.key), first=k.valid_from, last=k.valid_to)
            for k in keys
            if k.kind == kind
        )

    chain = log.chain
    return trust.TrustRoot(
        origin=log.origin,
        zone=log.zone,
        day_cut=log.day_cut,
        log_keys=of("log"),
        service_keys=of("service"),
        parties=tuple(
            trust.TrustedParty(
                name=party.name, roles=party.roles, verifiers=tuple(Verifier.parse(key) for key in party.keys)
            )
            for party in logs.list_parties(connection, log.id)
        ),
        chain=None
        if chain is None
        else trust.ChainTrust(
            chain_id=chain.chain_id,
            genesis=chain.genesis,
            contract=chain.contract,
            code_hash=chain.code_hash,
            log_id=chain.log_key,
            finality=chain.finality,
            grade=chain.grade,
            max_anchor_age=chain.max_anchor_age,
        ),
        pinned_blocks=tuple(trust.PinnedBlock(number=number, hash=digest) for number, digest in pinned),
    )
