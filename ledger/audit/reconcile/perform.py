"""Reconciliation: a file about a pool against the pool's derived state at the file's cut-off.

Each disagreement is a :class:`~.breaks.Break` with a stable name; what the records cannot be asked for is counted as
undetermined, with the reason. By claim: see :mod:`.compare`. By total: what the file's own records sum to against what
the records of the same loans give; a total is a break only by what no break of a claim explains. Nothing here writes:
:mod:`.breaks` makes the events that a caller may append.

The file is read as a stream and loans are looked up in chunks, so that memory does not grow with either. A file with a
row that cannot be read, or with a loan twice, is refused whole: a comparison with a hole in it would be no comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Final

from ledger.audit.reconcile import breaks, compare
from ledger.audit.reconcile.breaks import Break, StandingBreak
from ledger.audit.reconcile.compare import Basis, Difference, Standing, Undecided
from ledger.audit.reconcile.poolloans import CHUNK, Marks, PoolLoan, PoolView
from ledger.audit.reconcile.reconciliation import Found, Reconciliation
from ledger.audit.reconcile.sums import Sum, Sums, flows_between
from ledger.domain import calendar, money
from ledger.domain.calendar import Effective
from ledger.errors import MalformedError, RefusedError, UndeterminedError
from ledger.store import ReadConnection
from ledger.store.logs import LogRow
from ledger.tapes.model import MAX_KEPT_REJECTS, Reject
from ledger.tapes.positions import Form, Positions, Reported, rejected, twice
from ledger.tapes.totals import TotalsFile

#: More disagreements than anyone can settle one by one: the file is of another pool, or of another day.
MAX_BREAKS: Final = 100_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is compared with what.

    ``cut_off`` None: the one that the file names. ``partial``: the file may leave claims of the pool out. ``basis``:
    what its balances are of. ``since``: the day on which the period of its flows begins, where it does not say so.
    ``sender`` made the file and ``servicer`` keeps the records; ``private``: neither is anybody's business, nor are
    breaks that earlier files left open.
    """

    pool: str
    cut_off: str | None = None
    partial: bool = False
    basis: Basis = "loan"
    since: date | None = None
    sender: str = ""
    servicer: str = ""
    private: bool = False


def reconcile(
    connection: ReadConnection, log: LogRow, source: Positions | TotalsFile, request: Request, *,
    size: int | None = None, today: date | None = None, progress: Progress = lambda _done: None,
) -> Reconciliation:  # fmt: skip
    """Compare a file with a pool's records below ``size`` (default: all of the log).

    Raises :class:`MalformedError` with line and field for a file that cannot be read whole, :class:`UndeterminedError`
    where no cut-off is known, :class:`RefusedError` for one after ``today``, whose payments are not recorded yet, and
    :class:`NotFoundError` for an unknown pool.
    """
    bound = log.size if size is None else size

    def view(cut_off: Effective) -> PoolView:
        if today is not None and cut_off.last_day > today:
            reason = f"{cut_off.text} has not come: the log's day is {today}"
            raise RefusedError("cut_off", reason, rule="future")
        return PoolView.open(connection, log, request.pool, size=bound, day=cut_off.last_day)

    if isinstance(source, TotalsFile):
        cut_off = _cut_off(request.cut_off)
        run = _Run(view(cut_off), request, cut_off, progress=progress)
        run.totals_only(source)
        return run.result("ledger_totals", source.sha256, None, len(source.totals))
    items = iter(source)
    first = next(items, None)
    if first is None:
        raise MalformedError(source.summary.source, "there is no row in it that reports a loan")
    if isinstance(first, Reject):
        raise _refused([first, *islice((one for one in items if isinstance(one, Reject)), MAX_KEPT_REJECTS)])
    cut_off = _cut_off(request.cut_off or first.cut_off)
    run = _Run(view(cut_off), request, cut_off, told=source.flows, progress=progress)
    run.rows(first, items)
    return run.result(source.form, source.summary.sha256, source.mapping, source.summary.records)


def _cut_off(text: str | None) -> Effective:
    if text is None:
        raise UndeterminedError("at which cut-off? the file does not say it; give one", field="cut_off")
    return calendar.parse_effective(text, "cut_off")


def _refused(rejects: list[Reject]) -> MalformedError:
    """A file that cannot be read whole, by line and field of the first faults."""
    shown = "; ".join(f"{_where(one)}: {one.field}: {one.reason}" for one in rejects[:3])
    more = f"; and {len(rejects) - 3} more" if len(rejects) > 3 else ""
    return MalformedError("file", f"{shown}{more}; nothing was compared")


def _where(one: Reject) -> str:
    return f"line {one.line}" if one.line else f"record {one.record}"


class _Run:
    """One comparison while it goes on."""

    def __init__(
        self, view: PoolView, request: Request, cut_off: Effective, *, told: frozenset[str] = frozenset(),
        progress: Progress,
    ) -> None:  # fmt: skip
        self._view = view
        self._request = request
        self._cut_off = cut_off
        self._told = told
        self._progress = progress
        self._seen = Marks()
        self._unknown: set[str] = set()
        self._found: list[Break] = []
        self._rejects: list[Reject] = []
        self._undetermined: dict[tuple[str, str], int] = {}
        self._explained: dict[str, int] = {}
        self._sums = Sums()
        self._begin = None if request.since is None else request.since.isoformat()
        self._compared = 0

    # -- a file of loans -----------------------------------------------------------------------------------

    def rows(self, first: Reported, rest: Iterator[Reported | Reject]) -> None:
        """Go through a file of loans, and then through what of the pool it left out."""
        self._begin = first.begin or self._begin
        waiting = [first]
        for item in rest:
            if isinstance(item, Reject):
                self._rejects.append(item)
            else:
                waiting.append(item)
            if len(waiting) >= CHUNK:
                self._chunk(waiting)
                waiting = []
        self._chunk(waiting)
        if self._rejects:
            raise _refused(self._rejects)
        if not self._request.partial:
            for loan in self._view.others(self._seen):
                self._left_out(loan)
        self._check_totals()

    def _chunk(self, rows: list[Reported]) -> None:
        known = self._view.loans(row.loan for row in rows)
        for row in rows:
            if calendar.parse_effective(row.cut_off).last_day != self._cut_off.last_day:
                reason = f"{row.cut_off} is not the cut-off, {self._cut_off.text}"
                self._rejects.append(rejected(f"loan:{row.loan}", row.place, "effective", reason))
            elif self._is_second(row, known.get(row.loan)):
                self._rejects.append(twice(f"loan:{row.loan}", row.place))
            else:
                self._row(row, known.get(row.loan))
        self._compared += len(rows)
        self._progress(self._compared)

    def _is_second(self, row: Reported, loan: PoolLoan | None) -> bool:
        if loan is not None:
            return not self._seen.add(loan.id)
        if row.loan in self._unknown:
            return True
        self._unknown.add(row.loan)
        return False

    def _row(self, row: Reported, loan: PoolLoan | None) -> None:
        if loan is None or not loan.held:
            if loan is not None and loan.been and not row.balance:
                self._explain("no longer in the pool, nothing reported on it")
            else:
                self._break(compare.not_held(row), row, None)
            return
        if loan.life is None:
            self._undecided("loan", loan.why)
            return
        standing = self._stand(loan)
        for one in compare.compare(row, standing, self._view.pool.rules):
            if isinstance(one, Undecided):
                self._undecided(one.item, one.reason)
            else:
                self._break(one, row, standing)
        if row.currency == standing.currency:
            self._sums.count(row.currency, reported=1, derived=1)
            if row.balance is not None:
                self._sums.add("balance", row.currency, reported=row.balance, derived=standing.balance)
            self._flows(row, standing)

    def _left_out(self, loan: PoolLoan) -> None:
        """A loan of the pool that the file does not have."""
        if not loan.held:
            return
        if loan.life is None:
            self._undecided("loan", loan.why)
            return
        standing = self._stand(loan)
        if standing.state.ended:
            self._explain(f"left out, over by the records ({standing.state.status})")
        elif not standing.balance:
            self._explain("left out, nothing owed by the records")
        else:
            self._break(compare.left_out(standing), None, standing)

    def _stand(self, loan: PoolLoan) -> Standing:
        assert loan.life is not None
        position = loan.life.at(self._view.day)
        return compare.stand(loan, loan.life, position=position, basis=self._request.basis)

    def _flows(self, row: Reported, standing: Standing) -> None:
        """The period's flows of one loan; not for shares of it, which a flow's record does not split."""
        names = {*self._told, *row.flows}
        if not names or self._request.basis != "loan":
            return
        begin = row.begin or self._begin
        if begin is None:
            self._undecided("flows", "the file does not say when its period begins")
            return
        first = calendar.parse_effective(begin).last_day
        if standing.state.opened and standing.state.as_of >= first.toordinal():
            self._undecided("flows", "the loan was opened within the period")
            return
        derived = flows_between(standing.before(first), standing.state, file=bool(self._told))
        for name in sorted(names):
            self._sums.add(name, row.currency, reported=row.flows.get(name, 0), derived=derived.get(name, 0))

    # -- totals --------------------------------------------------------------------------------------------

    def totals_only(self, source: TotalsFile) -> None:
        """Compare a general ledger's totals with all that the pool holds at the cut-off."""
        for loan in self._view.others(self._seen):
            if not loan.held:
                continue
            if loan.life is None:
                self._undecided("loan", loan.why)
                continue
            standing = self._stand(loan)
            self._compared += 1
            self._sums.count(standing.currency, derived=0 if standing.state.ended else 1)
            self._sums.add("balance", standing.currency, derived=standing.balance)
            before = None if self._request.since is None else standing.before(self._request.since)
            for name, units in flows_between(before, standing.state, file=False).items():
                self._sums.add(name, standing.currency, derived=units)
            self._progress(self._compared)
        self._sums.keep({(total.name, total.currency) for total in source.totals})
        for total in source.totals:
            self._sums.add(total.name, total.currency, reported=total.units)
        self._check_totals(of="ledger")

    def _check_totals(self, of: str = "total") -> None:
        rules = self._view.pool.rules
        tolerance = compare.TOTALS if compare.TOTALS in rules.tolerances else compare.AMOUNTS
        for total in self._sums:
            if total.unexplained and (
                total.name == "count" or not rules.within(tolerance, total.unexplained)
            ):
                self._total_break(of, total)

    def _total_break(self, of: str, total: Sum) -> None:
        count = total.name == "count"
        shown = [
            str(units) if count else money.format(units, total.currency)
            for units in (total.reported, total.derived)
        ]
        self._keep(
            Break(
                pool=self._request.pool, loan=None, claim=None, item=f"{of}.{total.name}", reported=shown[0],
                derived=shown[1], currency=total.currency, difference=None if count else total.difference,
                since=self._cut_off.last_day,
            )
        )  # fmt: skip

    # -- what it comes to ----------------------------------------------------------------------------------

    def _break(self, one: Difference, row: Reported | None, standing: Standing | None) -> None:
        loan = row.loan if row is not None else standing.loan.name if standing is not None else None
        currency = row.currency if row is not None else standing.currency if standing is not None else None
        claims = standing.loan.held if standing is not None else {}
        if one.units is not None and currency is not None:
            self._explain_total(one, currency)
        self._keep(
            Break(
                pool=self._request.pool, loan=loan, claim=next(iter(claims)) if len(claims) == 1 else None,
                item=one.item, reported=one.reported, derived=one.derived,
                currency=currency if one.units is not None else None, difference=one.units,
                since=self._cut_off.last_day,
            )
        )  # fmt: skip

    def _explain_total(self, one: Difference, currency: str) -> None:
        """A claim's break explains as much of the total; what only one side has is in the total of that side."""
        units = one.units or 0
        if one.item == breaks.EXTRA:
            self._sums.add("balance", currency, reported=units, explained=units)
            self._sums.count(currency, reported=1, explained=1)
        elif one.item == breaks.ABSENT:
            self._sums.add("balance", currency, derived=-units, explained=units)
            self._sums.count(currency, derived=1, explained=-1)
        else:
            self._sums.add("balance", currency, explained=units)

    def _keep(self, one: Break) -> None:
        if len(self._found) == MAX_BREAKS:
            raise RefusedError(
                "file",
                f"more than {MAX_BREAKS} breaks: is this a file of {self._request.pool}, and of this day?",
            )
        self._found.append(one)

    def _undecided(self, item: str, reason: str) -> None:
        self._undetermined[item, reason] = self._undetermined.get((item, reason), 0) + 1

    def _explain(self, reason: str) -> None:
        self._explained[reason] = self._explained.get(reason, 0) + 1

    def result(self, form: Form, tape: str, mapping: str | None, count: int) -> Reconciliation:
        """Bring what was found together with what the log knows of it."""
        own, request = self._view.pool.records, self._request
        known = breaks.standing(own, pool=request.pool)
        found = []
        for one in self._found:
            # Who has to explain it: the file's maker, or where the records have nothing, who keeps them.
            owner = request.servicer if one.derived is None else request.sender
            what = replace(one, owner=owner, tape=tape)
            found.append(Found(what=what, standing=known.get(what.name)))
        shown = {one.what.name for one in found}
        left_open = () if request.private else _gone(known.values(), shown, form, self._view.day)
        received = any(
            event.tape == tape and event.cut_off == self._cut_off.text
            for _, event in breaks.tapes_received(own)
        )
        return Reconciliation(
            pool=request.pool, form=form, tape=tape, mapping=mapping, cut_off=self._cut_off,
            size=self._view.size, records=count, partial=request.partial and form != "ledger_totals",
            sender=request.sender, found=tuple(sorted(found, key=_order)), gone=left_open, totals=self._sums,
            compared=self._compared, undetermined=self._undetermined, explained=self._explained,
            received=received,
        )  # fmt: skip


def _gone(
    known: Iterable[StandingBreak], shown: set[str], form: Form, day: date
) -> tuple[StandingBreak, ...]:
    """Breaks of earlier files of this kind that nobody closed, and that this file does not show."""
    totals = form == "ledger_totals"
    return tuple(
        one
        for one in known
        if one.status != "closed"
        and one.name not in shown
        and one.what.since <= day
        and one.what.item.startswith("ledger.") == totals
    )


def _order(one: Found) -> tuple[str, str, str, str]:
    what = one.what
    return what.loan or "", what.claim or "", what.item, what.currency or ""
