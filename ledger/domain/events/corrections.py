"""What happens to records themselves: correction.made, subject.erased. Nothing is edited; these stand beside."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ledger.domain import money
from ledger.domain.calendar import parse_effective
from ledger.domain.events.base import (
    DAY,
    EVENTS,
    MAX_CLAIMS_OF_LOAN,
    MONEY,
    ROLES,
    SERVICING,
    Currency,
    Data,
    EventType,
    Key,
    Part,
    Share,
    Text,
    check_digest,
    check_name,
    event,
    member,
)
from ledger.domain.events.wording import refusal
from ledger.errors import RefusedError
from ledger.proofs.canonical import MAX_INTEGER
from ledger.quotes import in_quotes

#: More members than any type has; what is unknown among them is refused by name.
MAX_MEMBERS: Final = 128
#: Most records of one erased subject: their list must fit one record of a mebibyte.
MAX_ERASED: Final = 10_000


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
                f"{in_quotes(self.type, 80)} is no type of event that can be corrected{hint}",
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
        raise refusal(error, kind.name, "data.replacement") from None
    try:
        return Replacement(typed, typed.check())
    except RefusedError as error:
        field = "data.replacement" + error.field.removeprefix("data")
        raise RefusedError(field, error.reason, rule=error.rule, details=error.details) from None


class ErasedClaim(Part, frozen=True, kw_only=True):
    """What stays of a claim: its place, and what was outstanding on it."""

    claim: Annotated[str, member("name of the claim within the loan", "claim")]
    share: Annotated[Share, member("share of the loan", "ppm")]
    asset_key: Annotated[
        str | None, member("its asset key; null where the loan was never paid out", "32 bytes hex")
    ]
    principal: Annotated[
        str, member("principal still outstanding by its records; negative for a credit", MONEY)
    ]


@event(
    "subject.erased",
    title="A loan's records and private fields are erased.",
    subject="log", posted_by=SERVICING, rank=0,
)  # fmt: skip
class SubjectErased(Data, frozen=True, kw_only=True):
    """Posted by the ledger when it erases, and in no other way.

    The digests stay, so that erased records can be told from missing ones. What the loan had come to stays as numbers,
    so that a pool that has it can still be counted and sealed.
    """

    subject: Annotated[str, Meta(pattern="^loan:[A-Za-z0-9._:-]{1,64}$"), member("what is erased", "subject")]
    records: Annotated[
        list[tuple[Annotated[int, Meta(ge=0, le=MAX_INTEGER)], str]],
        member("[index, digest] of each of its records, ascending", min_length=1, max_length=MAX_ERASED),
    ]
    ended: Annotated[str, member("effective day of its end", DAY)]
    status: Annotated[Literal["settled", "charged_off", "cancelled"], member("how it ended")]
    currency: Currency
    claims: Annotated[
        list[ErasedClaim],
        member("its claims, as they stay", min_length=1, max_length=MAX_CLAIMS_OF_LOAN),
    ]
    basis: Annotated[
        Literal["retention_ended", "request", "court", "other"], member("on what ground it is erased")
    ]
    note: Annotated[Text | UnsetType, member("reference of the request or rule")] = UNSET

    def check(self) -> list[int]:
        """Units of principal outstanding on each claim. Indexes ascend, names and digests are well formed."""
        last = -1
        for i, (index, digest) in enumerate(self.records):
            if index <= last:
                raise RefusedError(f"data.records[{i}]", "the indexes do not ascend", rule="wrong_form")
            check_digest(digest, f"data.records[{i}][1]")
            last = index
        parse_effective(self.ended, "data.ended")
        for i, one in enumerate(self.claims):
            check_name(one.claim, f"data.claims[{i}].claim")
            if one.asset_key is not None:
                check_digest(one.asset_key, f"data.claims[{i}].asset_key")
        return [
            money.parse(one.principal, self.currency, f"data.claims[{i}].principal")
            for i, one in enumerate(self.claims)
        ]
