"""What happens to records themselves. Nothing is edited: correction.made stands beside what it corrects."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from ledger.domain.events.base import (
    EVENTS,
    ROLES,
    Data,
    EventType,
    Key,
    Text,
    check_digest,
    event,
    member,
)
from ledger.domain.events.wording import refusal
from ledger.errors import RefusedError

#: More members than any type has; what is unknown among them is refused by name.
MAX_MEMBERS = 128


class Replacement(NamedTuple):
    """What stands in for a corrected event: its typed data and what its check parsed."""

    event: Data
    amounts: Any


@event(
    "correction.made",
    title="An earlier record of the same loan is replaced, or void.",
    subject="loan", posted_by=ROLES, rank=210, correctable=False,
)  # fmt: skip
class CorrectionMade(Data, frozen=True, kw_only=True):
    """By the party that posted the record, and by nobody else; signed where the corrected type must be signed.

    The replacement folds at the corrected record's effective day and place, and the newest correction of a record
    holds. Type, claims, shares, remainder, currency and asset keys stay. Where the effective date itself was wrong the
    record is made void and posted anew.
    """

    record: Annotated[str, member("digest of the record that is corrected", "32 bytes hex")]
    type: Annotated[Text, member("its type, which stays")]
    replacement: Annotated[
        Annotated[dict[Key, Any], Meta(max_length=MAX_MEMBERS)] | None,
        member("its whole data as it should have been; null: the record is void"),
    ]
    reason: Annotated[Text, member("why, in words")]
    approved_by: Annotated[Text, member("who approved it")]

    def check(self) -> Replacement | None:
        """The replacement, typed; None where the record is void."""
        check_digest(self.record, "data.record")
        kind = EVENTS.get(self.type)
        if kind is None or kind.subject != "loan" or not kind.correctable:
            hint = "; correct the original again" if kind is CorrectionMade.kind else ""
            raise RefusedError(
                "data.type",
                f'"{self.type[:80]}" is no type of event that can be corrected{hint}',
                rule="not_correctable",
            )
        if self.replacement is not None:
            return _read_replacement(kind, self.replacement)
        if kind.begins:
            raise RefusedError(
                "data.replacement",
                f"{kind.name} begins the loan: it cannot be void; loan.cancelled ends it",
                rule="not_correctable",
            )
        return None


def _read_replacement(kind: EventType, data: dict[str, Any]) -> Replacement:
    """Type the replacement's data. Raises :class:`RefusedError` naming the member under ``data.replacement``."""
    try:
        typed: Data = msgspec.convert(data, kind.data)
    except msgspec.ValidationError as error:
        raise refusal(error, "data.replacement") from None
    try:
        return Replacement(typed, typed.check())
    except RefusedError as error:
        field = "data.replacement" + error.field.removeprefix("data")
        raise RefusedError(field, error.reason, rule=error.rule, details=error.details) from None
