"""Did the parties say what the records say they said, and may they? Roles and signatures, by the trust root.

Admission holds each record to its party's role and signature, but on the machine of the log's owner, who could write
records past it. So an audit asks again: for the role always, and for the signature where one is required, as on the
account bank's word, and wherever one is given. What the trust root has no party or no key for is neither proven nor
disproven; either way it is no party's word here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from msgspec import UnsetType

from ledger.audit.findings import Evidence, Notes
from ledger.domain import statements
from ledger.domain.events import EVENTS
from ledger.domain.events.base import EventType
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.events.transfers import Transfer
from ledger.domain.fold import Indexed
from ledger.domain.record import Record
from ledger.errors import RefusedError
from ledger.proofs.trust import TrustRoot

#: Types that are, or may be, nothing without somebody's signature; of the others most have none.
_SIGNED: Final = frozenset(
    name
    for name, kind in EVENTS.items()
    if kind.signed or kind is CorrectionMade.kind or issubclass(kind.data, Transfer)
)
_NO_KEY: Final = "the trust root has no such key of the party that signed"
_NO_PARTY: Final = "the trust root does not know the party that posted the record"


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may speak: each party's roles and verifier keys, by its name. Picklable."""

    parties: Mapping[str, tuple[frozenset[str], tuple[str, ...]]]

    @classmethod
    def of(cls, trust: TrustRoot) -> Self:
        """Those of a trust root."""
        return cls(
            {
                one.name: (frozenset(one.roles), tuple(verifier.vkey for verifier in one.verifiers))
                for one in trust.parties
            }
        )

    def unproven(self, origin: str, records: Iterable[Indexed], notes: Notes) -> frozenset[int]:
        """Indexes of the records that are not shown to be their party's word; why stands in ``notes``."""
        found = set()
        for index, one in records:
            may = self._check_role(index, one, notes)
            signed = one.sig is not None or one.type in _SIGNED
            if not may or (signed and not self._check(origin, index, one, notes)):
                found.add(index)
        return frozenset(found)

    def _check_role(self, index: int, one: Record, notes: Notes) -> bool:
        """Whether the party has a role in which it may post such a record."""
        party = self.parties.get(one.party)
        if party is None:
            notes.procedure("records").undecided(_NO_PARTY)
            return False
        kind = _spoken(one)
        if not kind.posted_by.isdisjoint(party[0]):
            return True
        notes.find(
            "statement.not_allowed", one.subject, evidence=[Evidence(index, one.digest.hex())], type=one.type,
            party=one.party, roles=", ".join(sorted(kind.posted_by)),
        )  # fmt: skip
        return False

    def _check(self, origin: str, index: int, one: Record, notes: Notes) -> bool:
        accepted = self._check_acceptance(origin, index, one, notes)
        kind = _spoken(one)
        if one.sig is None:
            if kind.signed:
                evidence = [Evidence(index, one.digest.hex())]
                notes.find(
                    "statement.unsigned", one.subject, evidence=evidence, type=one.type, party=one.party
                )
            return accepted and not kind.signed
        if one.party not in self.parties:
            return False  # it is said already that nobody knows it
        _, keys = self.parties[one.party]
        if not _is_published(one.sig.key, keys):
            notes.procedure("records").undecided(_NO_KEY)
            return False
        try:
            statements.check_signature(one, origin, keys)
        except RefusedError as error:
            _forged(index, one, one.party, error, notes)
            return False
        return accepted

    def _check_acceptance(self, origin: str, index: int, one: Record, notes: Notes) -> bool:
        """Whether a holder's acceptance, where one is given, is the holder's."""
        event = one.event
        if (
            not isinstance(event, Transfer)
            or event.acceptance is None
            or isinstance(event.acceptance, UnsetType)
        ):
            return True
        _, keys = self.parties.get(event.holder, (frozenset(), ()))
        if not _is_published(event.acceptance.key, keys):
            notes.procedure("records").undecided(_NO_KEY)
            return False
        try:
            statements.check_acceptance(one, origin, keys)
        except RefusedError as error:
            _forged(index, one, event.holder, error, notes)
            return False
        return True


def _spoken(one: Record) -> EventType:
    """The type that is said: of a correction that of what it replaces, which it must be allowed and signed for."""
    return EVENTS[one.event.type] if isinstance(one.event, CorrectionMade) else one.kind


def _is_published(reference: str, keys: Iterable[str]) -> bool:
    """Whether a key named ``name+hex8`` is among verifier keys, each of which begins with that."""
    return any(key.startswith(f"{reference}+") for key in keys)


def _forged(index: int, one: Record, party: str, error: RefusedError, notes: Notes) -> None:
    notes.find(
        "statement.forged", one.subject, evidence=[Evidence(index, one.digest.hex())], type=one.type, party=party,
        reason=error.reason,
    )  # fmt: skip
