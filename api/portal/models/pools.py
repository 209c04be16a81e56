"""The list of pools that a reader sees, and what one pool's page shows beside its charts."""

from __future__ import annotations

from dataclasses import dataclass

from api.portal.charts import Chart, Heat
from api.portal.models import figures as figures_of
from api.portal.models import findings, pool_charts
from api.portal.models.figures import Figures, Part
from api.portal.models.findings import Finding
from api.portal.models.verdict import Verdict, verdict
from api.portal.words import Words
from ledger import audits, snapshots
from ledger.access import Caller, View
from ledger.audit import pool as audited
from ledger.audit.catalogue import Severity
from ledger.audit.reconcile import breaks
from ledger.audit.reconcile.breaks import StandingBreak
from ledger.audit.run import last_day
from ledger.domain import pools as states
from ledger.domain.pools import PoolState
from ledger.log import Ledger
from ledger.reading import Reader
from ledger.seals import PoolSeals, Recorded
from ledger.store import logs, subjects

#: Ways to divide a pool that its page shows.
DIVIDED_BY = ("product", "region", "creditor")
#: Errors and warnings that the page lists, from the gravest on; the page of the audit has all findings, by their kinds.
MAX_FINDINGS = 8
#: Parts that are listed of each; the rest is summed up.
MAX_PARTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A pool in the list; ``mine`` is what the reader holds of it, where it holds a share."""

    name: str
    title: str
    closed: bool
    figures: Figures | None
    mine: Part | None
    sealed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """A pool divided by an attribute."""

    attribute: str
    parts: tuple[Part, ...]
    rest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A break to work on, with its age in days."""

    standing: StandingBreak
    age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPage:
    """Everything of one pool in one currency."""

    name: str
    title: str
    structure: str
    closed: bool
    rules_version: int
    currencies: tuple[str, ...]
    figures: Figures | None
    verdict: Verdict
    charts: tuple[Chart, ...]
    rolls: Heat | None
    divisions: tuple[Division, ...]
    seals: tuple[Recorded, ...]
    breaks: tuple[Break, ...]
    findings: tuple[Finding, ...]
    more_findings: int


def listed(ledger: Ledger, caller: Caller) -> list[Row]:
    """Every pool that the caller sees, by name."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        names = View(connection, log, caller).pools()
        known = {
            name: states.decode(state) for name, state in subjects.pool_states(connection, log.id).items()
        }
    return [_row(ledger, caller, name, known[name]) for name in names]


def _row(ledger: Ledger, caller: Caller, name: str, state: PoolState) -> Row:
    snapshot = snapshots.newest(ledger, name)
    figures = next(iter(figures_of.of(snapshot)), None) if snapshot is not None else None
    mine = None if figures is None else figures.held_by(caller.party)
    return Row(
        name=name,
        title=state.title,
        closed=state.closed,
        figures=figures,
        mine=mine if mine is not None and mine.claims else None,
        sealed=max((one.size for one in state.seals.values()), default=None),
    )


def page(ledger: Ledger, name: str, *, caller: Caller, currency: str | None, words: Words) -> PoolPage:
    """A pool's page for a caller, who was found to see the pool. ``currency`` None: that with the most claims."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        state = states.decode(subjects.pool_states(connection, log.id)[name])
        seals = tuple(PoolSeals(connection, log, name).recorded())
        row = audits.latest(connection, log, name)
        reader = Reader(connection, log, caller)
        found_by_audit = () if row is None else audits.findings(connection, log, row.id, view=reader.view)
        grave = [one for one in found_by_audit if one.severity is not Severity.INFO][:MAX_FINDINGS]
        listed_findings = findings.shown(reader, grave or found_by_audit[:MAX_FINDINGS], words)
        standing: tuple[Break, ...] = ()
        if log.published:
            day = last_day(connection, log, log.published)
            own = audited.load(connection, log, name, before=log.published, as_of=day)
            found = breaks.standing(own.records, pool=name, day=day)
            standing = tuple(Break(standing=one, age=one.age(day)) for one in found.values())
    snapshot = snapshots.newest(ledger, name)
    known = () if snapshot is None else figures_of.of(snapshot)
    figures = next((one for one in known if currency in {None, one.currency}), None)
    drawn = figures if figures is not None and figures.months else None
    return PoolPage(
        name=name, title=state.title, structure=state.structure, closed=state.closed,
        rules_version=state.rules_version, currencies=tuple(one.currency for one in known), figures=figures,
        verdict=verdict(log, figures, row, words),
        charts=() if drawn is None else (
            pool_charts.outstanding(drawn, words), pool_charts.cash(drawn, words),
            pool_charts.delinquency(drawn, words), pool_charts.vintages(drawn, words),
        ),
        rolls=None if drawn is None else pool_charts.rolls(drawn, words),
        divisions=() if figures is None else tuple(_division(figures, one) for one in DIVIDED_BY),
        seals=seals,
        findings=listed_findings,
        more_findings=len(found_by_audit) - len(listed_findings),
        breaks=tuple(sorted(standing, key=lambda one: (one.standing.status == "closed", -one.age))),
    )  # fmt: skip


def _division(figures: Figures, attribute: str) -> Division:
    parts = figures.parts(attribute)
    return Division(attribute=attribute, parts=parts[:MAX_PARTS], rest=max(0, len(parts) - MAX_PARTS))
