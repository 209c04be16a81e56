"""Who may see what of a log: roles, grants, and what is a party's own.

A party sees

- the *pools* in which it holds or held a share of a claim, those that it was granted, and all of them where its role
  oversees the log (originator, servicer, trustee, auditor, regulator) or it was granted ``log``;
- the *loans* of which a claim is or was in such a pool, of which it is a creditor, or about which it has spoken itself;
- the *private fields* of what it has posted itself, and of the loans of pools for which it was granted ``private:POOL``
  (``private`` grants those of the whole log). No role has them by itself.

What a party may not see is, to it, not there: it gets the words of :class:`NotFoundError` that it would get for a name
that nobody has used. ``operator`` grants the care for the log: its parties, grants and keys. ``signer:0x…`` says that
a chain address is the party's: its attestations may be handed in by the party to be relayed.

What a caller may *do* is bounded by the scopes of its key (:class:`Scope`); which events a party may post, and as whom,
is decided by the ledger alone (:mod:`ledger.domain.admission`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from ledger.domain import calendar, loans
from ledger.errors import ConfigurationError, NotFoundError, UnauthorisedError
from ledger.proofs.documents import NAME
from ledger.store import access, logs, subjects
from ledger.store.access import Read
from ledger.store.keys import Bounds

if TYPE_CHECKING:
    from datetime import datetime

    from ledger.store import ReadConnection, Store
    from ledger.store.logs import LogRow
    from ledger.store.subjects import SubjectRow

#: Roles that see every pool and loan of the log.
OVERSEEING: Final = frozenset({"originator", "servicer", "trustee", "auditor", "regulator"})
LOG, OPERATOR, PRIVATE = "log", "operator", "private"
#: Of the grant that names a chain address of the party.
SIGNER: Final = "signer"
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}", re.ASCII)


class Scope(StrEnum):
    """What a key may be used for. A key without a scope answers 403 where it is asked for."""

    READ = "read"
    """read what its party may see"""
    WRITE = "write"
    """post events as its party"""
    AUDIT = "audit"
    """run audits, and fetch the records of pools for an audit of one's own"""
    ATTEST = "attest"
    """relay its party's attestations"""
    ADMIN = "admin"
    """manage its party's keys and webhooks, and the log's where the party is an operator"""


ALL_SCOPES: Final = frozenset(Scope)
#: Of a key that nobody limited: the daily work. Managing keys is asked for in words.
DAILY_SCOPES: Final = frozenset({Scope.READ, Scope.WRITE, Scope.AUDIT, Scope.ATTEST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a party, by a key or by a person. ``grants`` are what the party was granted."""

    party: str
    roles: frozenset[str]
    scopes: frozenset[Scope]
    grants: frozenset[str] = frozenset()
    key_id: str | None = None
    person: str | None = None

    @property
    def oversees(self) -> bool:
        """Whether it sees every pool and loan of the log."""
        return bool(self.roles & OVERSEEING) or LOG in self.grants

    @property
    def operates(self) -> bool:
        """Whether it cares for the log: parties, grants, everybody's keys."""
        return OPERATOR in self.grants and Scope.ADMIN in self.scopes

    @property
    def who(self) -> str:
        """The person, or the key, as the access log names them."""
        return self.person or self.key_id or self.party


def caller(
    connection: ReadConnection,
    log_id: int,
    party: str,
    scopes: Iterable[str],
    *,
    key_id: str | None = None,
    person: str | None = None,
) -> Caller:
    """A party's caller with its roles and grants as they are now."""
    roles = next((one.roles for one in logs.list_parties(connection, log_id) if one.name == party), ())
    return Caller(
        party=party,
        roles=frozenset(roles),
        scopes=parse_scopes(scopes),
        grants=access.granted(connection, log_id, party),
        key_id=key_id,
        person=person,
    )


def parse_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Scopes by name. Raises :class:`ConfigurationError` for one that there is not."""
    try:
        return frozenset(Scope(name) for name in names)
    except ValueError as error:
        raise ConfigurationError(f"scope: {error}; there are {', '.join(Scope)}") from None


def check_target(target: str) -> str:
    """A grant's target. Raises :class:`ConfigurationError` unless it is one of the forms above."""
    kind, colon, name = target.partition(":")
    if not colon and kind in (LOG, OPERATOR, PRIVATE):
        return target
    if colon and kind in ("pool", PRIVATE) and NAME.fullmatch(name):
        return target
    if colon and kind == SIGNER and _ADDRESS.fullmatch(name):
        return target
    raise ConfigurationError(
        f"grant {target!r}: one of log, operator, private, pool:NAME, private:NAME (NAME a pool),"
        " signer:0x… (40 small hex digits)"
    )


def signer_target(address: bytes) -> str:
    """The grant that names this chain address (20 bytes)."""
    return f"{SIGNER}:0x{address.hex()}"


def signers(grants: Iterable[tuple[str, str]]) -> dict[bytes, list[str]]:
    """Chain addresses and the parties whose they are said to be, from (party, target) of a log's grants."""
    found: dict[bytes, list[str]] = {}
    for party, target in sorted(grants):
        if target.startswith(f"{SIGNER}:0x"):
            found.setdefault(bytes.fromhex(target.removeprefix(f"{SIGNER}:0x")), []).append(party)
    return found


def delegated(own: Bounds, wanted: Bounds) -> Bounds:
    """The bounds of a key that a key with the bounds ``own`` makes: as wanted, and its own where nothing is wanted.

    A key makes none that could do more than it can: no other scopes, no later end, from nowhere else, and not without
    a signature or a certificate where it needs one. Raises :class:`UnauthorisedError` naming what is beyond it.
    """
    if beyond := wanted.scopes - own.scopes:
        raise UnauthorisedError(f"scopes: this key has not {', '.join(sorted(beyond))} itself")
    if own.expires is not None and wanted.expires is not None and wanted.expires > own.expires:
        raise UnauthorisedError(f"expires: this key itself ends at {own.expires}")
    allowed = [ip_network(one) for one in own.networks]
    for text in wanted.networks if allowed else ():
        one = ip_network(text)
        if not any(one.version == net.version and one.subnet_of(net) for net in allowed):  # type: ignore[arg-type]
            raise UnauthorisedError(f"networks: this key itself is not for {text}")
    return Bounds(
        scopes=wanted.scopes,
        expires=wanted.expires or own.expires,
        networks=wanted.networks or own.networks,
        certificate=wanted.certificate or own.certificate,
        signing_key=wanted.signing_key or own.signing_key,
    )


class View:
    """What one caller may see of a log, in one snapshot of the database."""

    def __init__(self, connection: ReadConnection, log: LogRow, caller: Caller) -> None:
        self._connection = connection
        self._log = log
        self._caller = caller

    @property
    def oversees(self) -> bool:
        """Whether it sees every pool and loan of the log."""
        return self._caller.oversees

    def pools(self) -> list[str]:
        """Names of the pools that it sees, ascending."""
        there = subjects.pool_states(self._connection, self._log.id)
        return sorted(there) if self._caller.oversees else sorted(self._own_pools & there.keys())

    def pool(self, name: str) -> None:
        """Raise :class:`NotFoundError` unless it sees this pool."""
        if not self.sees_pool(name):
            raise NotFoundError(f"no pool {name!r} in this log")

    def sees_pool(self, name: str) -> bool:
        """Whether there is such a pool and it sees it."""
        if self._row(f"pool:{name}") is None:
            return False
        return self._caller.oversees or name in self._own_pools

    def loan(self, name: str) -> SubjectRow:
        """The loan's row, if it sees it. Raises :class:`NotFoundError`."""
        row = self._row(f"loan:{name}")
        if row is None or not self._sees_loan(row):
            raise NotFoundError(f"no loan {name!r} in this log")
        return row

    def sees_loan(self, name: str) -> bool:
        """Whether there is such a loan and it sees it."""
        row = self._row(f"loan:{name}")
        return row is not None and self._sees_loan(row)

    def is_party(self, name: str) -> bool:
        """Whether this is the name of the party that looks."""
        return name == self._caller.party

    def sees(self, row: SubjectRow) -> bool:
        """Whether it sees a subject: a loan or a pool as above, an account or the log's own where it oversees."""
        kind, _, name = row.name.partition(":")
        if kind == "loan":
            return self._sees_loan(row)
        return self.sees_pool(name) if kind == "pool" else self._caller.oversees

    def private(self, loan: str, *, posted_by: str) -> bool:
        """Whether it may have the private fields of a record about a loan that it sees."""
        granted = self._caller.grants
        if posted_by == self._caller.party or PRIVATE in granted:
            return True
        pools = {one.removeprefix("private:") for one in granted if one.startswith("private:")}
        return any(self._been_in(pool, loan) for pool in pools)

    def private_loans(self, names: Iterable[str]) -> set[str]:
        """Those of these loans (subject names) whose private fields it may have, whoever has posted them."""
        granted, names = self._caller.grants, set(names)
        if PRIVATE in granted:
            return names
        pools = [one.removeprefix("private:") for one in granted if one.startswith("private:")]
        found: set[str] = set()
        for pool in pools:
            found |= subjects.been_in_pool(self._connection, self._log.id, f"pool:{pool}", names)
        return found

    @cached_property
    def _own_pools(self) -> frozenset[str]:
        granted = {one.removeprefix("pool:") for one in self._caller.grants if one.startswith("pool:")}
        return frozenset(granted.union(access.pools_held(self._connection, self._log.id, self._caller.party)))

    def _row(self, subject: str) -> SubjectRow | None:
        return subjects.by_name(self._connection, self._log.id, [subject]).get(subject)

    def _sees_loan(self, row: SubjectRow) -> bool:
        return self._caller.oversees or self._is_party_to(row) or self._in_own_pool(row)

    def _is_party_to(self, row: SubjectRow) -> bool:
        # An erased loan has no contents left that would name its creditors.
        creditors = {one.creditor for one in loans.decode(row.state).claims} if row.secret else set()
        return self._caller.party in creditors or access.spoke_of(
            self._connection, row.id, self._caller.party
        )

    def _in_own_pool(self, row: SubjectRow) -> bool:
        loan = row.name.removeprefix("loan:")
        return any(self._been_in(pool, loan) for pool in self._own_pools)

    def _been_in(self, pool: str, loan: str) -> bool:
        found = subjects.been_in_pool(self._connection, self._log.id, f"pool:{pool}", [f"loan:{loan}"])
        return bool(found)


def note_read(store: Store, log_id: int, caller: Caller, *, subject: str, what: str, now: datetime) -> None:
    """Write into the access log that a caller read something (``what``) of a subject (``loan:…``)."""
    read = Read(
        at=calendar.format_instant(now), party=caller.party, who=caller.who, subject=subject, what=what
    )
    with store.write() as connection:
        access.note_read(connection, log_id, read)
