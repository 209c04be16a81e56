"""SEC EX-102 (Regulation AB II, Schedule AL item 3, auto loans) as events.

One record of the tape is one loan in one reporting period. It becomes, in this order:

===================  ============================================================================ ===========
event                when                                                                         effective
===================  ============================================================================ ===========
loan.opened          the ledger does not have the loan: the position at the close of the day      begin of
                     before the period, asserted                                                  the period
claim.sold/pledged   a placement is asked for and the loan is new (batched)                       begin
repayment.received   money came in: the month's total beside its parts, exactly as filed          the month
loan.charged_off     principal was charged off, or code 4 became true                             the month
recovery.received    recoveredAmount is not zero                                                  the month
loan.settled         codes 1, 2, 3, 5, 99 became true                                             the month
balance.reported     always: the position at the end, and every other element verbatim            last day
===================  ============================================================================ ===========

Nothing is repaired: a total that is not the sum of its parts stays one, and a balance that the flows do not
explain is what ``balance.reported`` says beside what the ledger derives. Event ids derive from trust, asset,
period and kind, so the same tape again adds nothing, and a corrected re-filing that says something else about
the same month is refused by the ledger, record by record. Only the id of ``balance.reported`` also names the
tape: it states what *this* file said.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from ledger.domain.events import read_submission
from ledger.errors import ConfigurationError, MalformedError, RefusedError
from ledger.quotes import in_quotes
from ledger.tapes import schedule_al as al
from ledger.tapes import xmlstream
from ledger.tapes.ex102_month import Month, Options
from ledger.tapes.fields import Fields, is_name
from ledger.tapes.model import Known, Progress, Reject, Submission, Tape, TapeSummary
from ledger.tapes.pools import BATCH, Placement, transfers

#: Records handled together: what is new among them is opened and placed before their months follow.
CHUNK = BATCH

#: Longest trust and loan prefix: leaves room in 64 characters for asset, period and kind.
MAX_PREFIX = 32


def read(
    path: Path | str,
    *,
    party: str,
    known: Known,
    trust: str | None = None,
    prefix: str | None = None,
    creditor: str | None = None,
    placement: Placement | None = None,
    percent: bool = False,
    progress: Progress | None = None,
    name: str | None = None,
) -> Tape:
    """Open an EX-102 file: proves that all of it is readable, then yields submissions and rejects.

    Args:
        path: the XML file.
        party: who submits, in the role of servicer or originator.
        known: which loans the ledger has; asked once for every :data:`CHUNK` records.
        trust: names the trust in event ids; default: the first record's assetTypeNumber, if that is a name.
        prefix: of loan names; default: the trust. A servicer whose account numbers are its own across trusts
            gives one prefix for all, so that a loan shown in two of them is one loan.
        creditor: whom the borrowers owe; default: the placement's holder, or else the party.
        placement: the pool that the loans go into, if any.
        percent: rates stand as percentages, against the specification.
        progress: called with (bytes, bytes in all); the file is read twice.
        name: what the summary calls the file (default: its name without the folder).

    Raises:
        MalformedError: truncated, broken or hostile XML, or another kind of file; nothing of it goes in.
        ConfigurationError: the trust cannot be told from the file and was not given, or a name is ill-formed.

    """
    path = Path(path)
    total = path.stat().st_size if path.is_file() else 0
    checked = xmlstream.check(path, al.SHAPE, progress and (lambda done: progress(done, 2 * total)))
    source = xmlstream.records(
        path, al.SHAPE, checked, progress and (lambda done: progress(total + done, 2 * total))
    )
    first = next(source, None)
    if first is None:
        raise MalformedError(al.SHAPE.what, "there is no record in it")
    one_trust = trust is None
    trust = trust or _trust_of(first)
    prefix = prefix or trust
    for what, value in (("trust", trust), ("prefix", prefix)):
        if not is_name(value) or len(value) > MAX_PREFIX:
            raise ConfigurationError(
                f"{what} {in_quotes(value, 80)}: 1 to {MAX_PREFIX} of A-Z a-z 0-9 . _ : -"
            )
    creditor = creditor or (placement.holder if placement else party)
    options = Options(
        party=party, trust=trust, prefix=prefix, creditor=creditor, percent=percent, one_trust=one_trust
    )
    summary = TapeSummary(form="ex102", source=name or path.name, sha256=checked.sha256, size=checked.size)
    reader = _Reader(options, summary, known, placement)
    return Tape(summary, reader.items(chain([first], source)))


def _trust_of(first: xmlstream.RawRecord) -> str:
    """The trust by assetTypeNumber, which some filers use for the trust and others for free text."""
    text = Fields(first).text(al.ASSET_TYPE) or ""
    if not is_name(text) or len(text) > MAX_PREFIX or not any(char.isdigit() for char in text):
        raise ConfigurationError(
            f"the file does not name its trust (assetTypeNumber is {in_quotes(text, 80)}): "
            "give one, such as AMCAR-2024-1"
        )
    return text


class _Reader:
    """Turns records into items, chunk by chunk."""

    def __init__(
        self, options: Options, summary: TapeSummary, known: Known, placement: Placement | None
    ) -> None:
        self._options = options
        self._summary = summary
        self._known = known
        self._placement = placement
        # What this tape has had so far, as 64-bit hashes: 80,000 loans take a few megabytes.
        self._loans: set[int] = set()
        self._months: set[int] = set()

    def items(self, source: Iterator[xmlstream.RawRecord]) -> Iterator[Submission | Reject]:
        """Everything that the tape says, in the order in which a ledger can take it."""
        while (raw := next(source, None)) is not None:
            yield from self._chunk(chain([raw], islice(source, CHUNK - 1)))

    def _chunk(self, raws: Iterator[xmlstream.RawRecord]) -> Iterator[Submission | Reject]:
        """Openings, placements, months of some records. Its locals end with it: one chunk is held at a time."""
        months = [self._month(raw) for raw in raws]
        self._summary.records += len(months)
        first = self._first_met({month.loan: month for month in reversed(months) if month.fit})
        new = set(first) - self._known(set(first)) if first else set()
        opened = [month for loan, month in reversed(first.items()) if loan in new and self._open(month)]
        unfit = {loan for loan in new if not first[loan].fit}
        for month in months:
            if month.loan in unfit and month.fit:
                month.fields.fault(al.ASSET, "the record that would open this loan was rejected", month.asset)
            if not month.fit:
                yield self._summary.reject(_rejected(month))
        for month in opened:
            yield self._summary.count(month.opened)
        yield from self._placed([month for month in reversed(first.values()) if month.fit], opened)
        for month in months:
            if month.fit:
                self._account(month)
                for submission in month.submissions:
                    yield self._summary.count(submission)

    def _month(self, raw: xmlstream.RawRecord) -> Month:
        """One record, mapped and held against the domain's rules."""
        month = Month(Fields(raw), self._options, self._summary.sha256)
        if month.fit:
            self._validate(month, month.submissions)
        if month.fit:
            key = hash((month.loan, month.period))
            if key in self._months:
                month.fields.fault(al.ASSET, f"a second record of this asset for {month.period}", month.asset)
            self._months.add(key)
        return month

    def _first_met(self, months: dict[str, Month]) -> dict[str, Month]:
        """Those of the loans that no earlier chunk of this tape had."""
        months = {loan: month for loan, month in months.items() if hash(loan) not in self._loans}
        self._loans.update(map(hash, months))
        return months

    def _open(self, month: Month) -> bool:
        """Make a month open its loan; False where that is not possible."""
        month.open()
        if month.fit:
            self._validate(month, [month.opened, *month.ended_before])
        return month.fit

    def _validate(self, month: Month, submissions: list[Submission]) -> None:
        for submission in submissions:
            try:
                read_submission(submission)
            except RefusedError as error:
                month.fields.fault(f"{submission['type']} {error.field}", error.reason)

    def _placed(self, months: list[Month], opened: list[Month]) -> Iterator[Submission]:
        """The transfers into the pool, by the day on which the period begins."""
        placement = self._placement
        if placement is None:
            return
        if placement.placed is not None:
            there = placement.placed({month.loan for month in months})
            opened = [month for month in months if month.loan not in there]
        by_begin: dict[str, list[tuple[str, str]]] = {}
        for month in opened:
            by_begin.setdefault(month.begin, []).append((month.loan, month.claim))
        for begin, claims in by_begin.items():
            for submission in transfers(claims, placement, party=self._options.party, effective=begin):
                yield self._summary.count(submission)

    def _account(self, month: Month) -> None:
        """Flags and sums of a record that goes in."""
        raw = month.fields.raw
        for name, reason in dict.fromkeys(month.fields.flags):
            self._summary.flag(name, reason, record=raw.number, line=raw.line)
        month.add_sums(self._summary)


def _rejected(month: Month) -> Reject:
    """One reject for all faults of a record."""
    raw, faults = month.fields.raw, month.fields.faults
    subject = f"loan:{month.loan}" if month.loan else ""
    if len(faults) == 1:
        return Reject(raw.number, raw.line, faults[0].field, faults[0].reason, faults[0].value, subject)
    names = list(dict.fromkeys(fault.field for fault in faults))
    reason = "; ".join(dict.fromkeys(f"{fault.field} {fault.reason}" for fault in faults))
    return Reject(raw.number, raw.line, ", ".join(names), reason, faults[0].value, subject)
