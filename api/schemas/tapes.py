"""A file about a pool, as it is uploaded, and what its comparison with the records gave."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.base import Count, Day, Document, Hex32, Name
from api.schemas.figures import Break

_File = Annotated[str, Field(json_schema_extra={"format": "binary"})]
_Cut = Annotated[str, Field(pattern=r"^\d{4}-\d\d(-\d\d)?$")]


class TapeOrder(BaseModel):
    """What is asked of a file, as the options of `poolproof reconcile`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Annotated[
        Literal["ex102", "esma", "csv", "totals"] | None,
        Field(description="How the file is read; `csv` with a mapping, else `ex102`, where it is left out."),
    ] = None
    cut_off: Annotated[
        _Cut | None, Field(description="At whose close the figures stand; as the file says, where left out.")
    ] = None
    partial: Annotated[bool, Field(description="The file may leave claims of the pool out.")] = False
    balances: Annotated[
        Literal["loan", "held"],
        Field(description="Balances of whole loans, or of the shares that the pool holds."),
    ] = "loan"
    since: Annotated[
        Day | None, Field(description="When the period of its flows begins, where the file does not say it.")
    ] = None
    sender: Annotated[
        Name | None, Field(description="The party that made the file; the caller's where left out.")
    ] = None
    trust: Annotated[str | None, Field(max_length=64, description="EX-102: the trust, as for an import.")] = (
        None
    )
    prefix: Annotated[
        str | None,
        Field(max_length=64, description="EX-102 and ESMA: in front of identifiers in loan names."),
    ] = None
    percent: Annotated[bool, Field(description="EX-102: rates stand as percentages, not fractions.")] = False


class TapeUpload(TapeOrder):
    """The parts of the form."""

    file: Annotated[_File, Field(description="The file itself.")]
    mapping: Annotated[
        _File | None,
        Field(description="What the columns mean, in TOML, with `balance.reported` among its events."),
    ] = None


class FoundBreak(Document):
    """A disagreement as the file shows it. ``status``: `new` and `reopened` are opened by recording the file."""

    name: str
    loan: Name | None
    claim: Name | None
    item: str
    reported: str | None
    derived: str | None
    difference: str | None
    currency: str | None
    owner: Name | None
    since: Day
    tape: Hex32
    status: Literal["new", "open", "agreed", "closed", "reopened"]


class TapeTotal(Document):
    """What the file's own records sum to, and the same by the log's records of the same loans.

    Whole numbers for `count`, amounts for all others.
    """

    name: str
    currency: str
    reported: str | int
    derived: str | int
    difference: str | int
    unexplained: str | int


class TapeReason(Document):
    """What could not be compared, why, and how often."""

    item: str
    reason: str
    count: Count


class TapePosted(Document):
    """How much was recorded; zero where the log has it already."""

    tape_received: Count
    breaks_opened: Count


class TapeReceipt(Document):
    """Where the acceptance and, once it is published, the receipt of the caller's own `tape.received` are."""

    id: Name
    party: Name


class Reconciliation(Document):
    """A file compared with the records. ``gone`` are breaks of earlier files that are not closed and not shown here.

    ``posted`` and ``receipt`` are null where nothing was to be stored.
    """

    pool: Name
    form: Literal["ex102", "esma_cmrl", "csv", "ledger_totals"]
    tape: Hex32
    cut_off: str
    size: Count
    records: Count
    compared: Count
    partial: bool
    private: bool
    outcome: Literal["agrees", "open breaks", "undetermined"]
    breaks: list[FoundBreak]
    gone: list[Break]
    totals: list[TapeTotal]
    undetermined: list[TapeReason]
    explained: dict[str, Count]
    posted: TapePosted | None
    receipt: TapeReceipt | None


class TapeResult(Document):
    """What a job made of a file."""

    tape: Hex32
    cut_off: str
    outcome: Literal["agrees", "open breaks", "undetermined"]
    breaks: Count
    tape_received: Count
    breaks_opened: Count
