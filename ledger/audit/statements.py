"""Did the parties say what the records say they said, and may they? Roles and signatures, by the trust root.

Admission holds each record to its party's role and signature, but on the machine of the log's owner, who could write
records past it. So an audit asks again: for the role always, and for the signature where one is required, as on the
account bank's word, and wherever one is given. What the trust root has no party or no key for is neither proven nor
disproven; either way it is no party's word here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from ledger.audit.findings import Evidence, Notes
from ledger.domain import statements
from ledger.domain.events import EVENTS
from ledger.domain.events.base import EventType
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.events.transfers import Acceptance, Transfer
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
        """Whether the party's signature and the holder's acceptance are theirs, where they are given or required."""
        evidence = [Evidence(index, one.digest.hex())]

        def is_by(party: str, key: str, verify: Callable[[Record, str, Iterable[str]], object]) -> bool:
            _, keys = self.parties.get(party, (frozenset(), ()))
            if not _is_published(key, keys):
                notes.procedure("records").undecided(_NO_KEY)
                return False
            try:
                verify(one, origin, keys)
            except RefusedError as error:
                notes.find(
                    "statement.forged", one.subject, evidence=evidence, type=one.type, party=party,
                    reason=error.reason,
                )  # fmt: skip
                return False
            return True

        event, accepted = one.event, True
        if isinstance(event, Transfer) and isinstance(event.acceptance, Acceptance):
            accepted = is_by(event.holder, event.acceptance.key, statements.check_acceptance)
        if one.sig is not None:
            return is_by(one.party, one.sig.key, statements.check_signature) and accepted
        if _spoken(one).signed:
            notes.find("statement.unsigned", one.subject, evidence=evidence, type=one.type, party=one.party)
            return False
        return accepted


def _spoken(one: Record) -> EventType:
    """The type that is said: of a correction that of what it replaces, which it must be allowed and signed for."""
    return EVENTS[one.event.type] if isinstance(one.event, CorrectionMade) else one.kind


def _is_published(reference: str, keys: Iterable[str]) -> bool:
    """Whether a key named ``name+hex8`` is among verifier keys, each of which begins with that."""
    return any(key.startswith(f"{reference}+") for key in keys)
