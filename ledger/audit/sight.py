"""What the one who audits sees: the owner of the log all of it, a partner what its mirror holds.

The procedures are the same for both. What differs is here: how the register's values are opened, what is said of
records that nobody showed, and the words for it in the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

import msgspec

from ledger.audit.findings import Notes
from ledger.proofs.encumbrance import encumbrance_nonce, state_nonce
from ledger.store.subjects import SubjectRow
from ledger.vault import Vault

#: What the log's owner sees.
EVERYTHING: Final = ("every record of the log",)
#: Why a value of the register could not be held against the records.
UNOPENED: Final = "the nonces that open the register's values were not given"


class Nonces(Protocol):
    """The nonces of one loan's values in registers; None: nobody has told it."""

    def encumbrance(self, asset_key: bytes, version: int) -> bytes | None:
        """Of a version of a claim's encumbrance: 16 bytes."""

    def state(self, asset_key: bytes, last_index: int) -> str | None:
        """Of a claim's state after the record at ``last_index``: 32 hex digits."""


class Opener(Protocol):
    """How nonces are come by. Picklable: it travels to the processes that share the work."""

    def open(self, loan: SubjectRow) -> Nonces | None:
        """The nonces of a loan, None where there is nothing to open them with. The loan is not erased."""


@dataclass(frozen=True)
class OwnersKey:
    """Opens by the key-encryption key, which the owner of a log has: ``file`` is the key's."""

    file: Path

    @cached_property
    def _vault(self) -> Vault:
        return Vault.load(self.file)

    def __getstate__(self) -> dict[str, Path]:
        return {"file": self.file}  # a process of its own reads the key itself

    def open(self, loan: SubjectRow) -> Nonces | None:
        """Derived from the loan's secret."""
        assert loan.secret is not None, "an erased loan has no secret"
        return _Derived(self._vault.unwrap(bytes(loan.secret), loan.name))


@dataclass(frozen=True, slots=True)
class _Derived:
    secret: bytes

    def encumbrance(self, asset_key: bytes, version: int) -> bytes | None:
        return encumbrance_nonce(self.secret, asset_key, version)

    def state(self, asset_key: bytes, last_index: int) -> str | None:
        return state_nonce(self.secret, asset_key, last_index)


class ToldNonces(msgspec.Struct, frozen=True):
    """Nonces that were told, by asset key in hex; a mirror keeps them where the owner's store has the loan's secret.

    They are taken for nothing: with a wrong one a value of the register does not come out.
    """

    #: of the versions 0, 1, … of the encumbrance, in hex
    versions: dict[str, tuple[str, ...]] = {}
    #: of the state in the register of the mirrored size
    states: dict[str, str] = {}

    def encumbrance(self, asset_key: bytes, version: int) -> bytes | None:
        """What was told of this version."""
        told = self.versions.get(asset_key.hex(), ())
        return bytes.fromhex(told[version]) if version < len(told) else None

    def state(self, asset_key: bytes, last_index: int) -> str | None:  # noqa: ARG002 - told for one size alone
        """What was told of the mirrored size."""
        return self.states.get(asset_key.hex())

    def encode(self) -> bytes:
        """As it stands in a mirror."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class Told:
    """Opens by what the log's owner told and a mirror keeps (:class:`ToldNonces`)."""

    def open(self, loan: SubjectRow) -> Nonces | None:
        """What was told of this loan."""
        return msgspec.json.decode(loan.secret, type=ToldNonces) if loan.secret else None


@dataclass(frozen=True, slots=True)
class Others:
    """Payments that one settlement covers and that are not shown: their indexes and digests, and their sum in units.

    The bank's root is over the digests, so who adds or leaves one out makes the settlement contradict itself. Where not
    all could be ``placed``, a corrected one is among them whose place is not known.
    """

    payments: tuple[tuple[int, bytes], ...]
    units: int
    placed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What is told of the payments that are not shown.

    ``settlements`` has those covered by the index of each settlement, ``seen`` counts them by account, ``lost`` is the
    first index of a record that the log's owner cannot read either, such as an erased one.
    """

    settlements: Mapping[int, Others] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    lost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Who looks. ``notes`` has what showed itself before the audit began: what is missing, and what is not to be seen.

    ``outside`` None: every record of the log is there, or erased.
    """

    words: tuple[str, ...] = EVERYTHING
    opener: Opener | None = None
    notes: Notes = field(default_factory=Notes)
    outside: Outside | None = None

    @classmethod
    def of_owner(cls, kek: Path | None) -> Sight:
        """The log's owner; ``kek`` is the file of the key-encryption key, where it is to be had."""
        return cls(opener=None if kek is None else OwnersKey(kek))
