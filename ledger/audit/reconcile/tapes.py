"""The audit's procedure *tapes*: files about the pool against the records, and what became of their disagreements.

It reads nothing but the pool's own records (tape.received, break.opened, break.closed) and, where a file was laid
before the audit itself, its :class:`~ledger.audit.reconcile.reconciliation.Reconciliation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from ledger.audit.findings import Evidence, Notes
from ledger.audit.reconcile import breaks
from ledger.audit.reconcile.breaks import Break, StandingBreak
from ledger.audit.reconcile.reconciliation import Reconciliation
from ledger.domain.fold import Indexed

_NOTHING = "nothing"


def check(
    own: Sequence[Indexed], *, pool: str, as_of: date, notes: Notes, shown: Iterable[Reconciliation] = ()
) -> None:
    """Perform the procedure tapes for a pool (name without ``pool:``) as of a day; without any file nothing is asked.

    ``own`` are the pool's own records below the audited size, ``shown`` the comparisons of files that were laid before
    the audit, whether or not the log has them.
    """
    procedure = notes.procedure("tapes")
    laid = list(shown)
    tapes = {(one.tape, one.cut_off.text) for one in laid}
    tapes |= {(event.tape, event.cut_off) for _, event in breaks.tapes_received(own, day=as_of)}
    procedure.answered(len(tapes))
    known = breaks.standing(own, pool=pool, day=as_of)
    for one in known.values():
        _standing(one, as_of, notes)
    for result in laid:
        for found in result.open:
            if found.status in {"new", "reopened"} or found.what.name not in known:
                _open(found.what, found.what.name, as_of, notes, ())
        for (item, reason), count in result.undetermined.items():
            procedure.undecided(f"{item}: {reason}", count)


def _standing(one: StandingBreak, as_of: date, notes: Notes) -> None:
    evidence = [Evidence(index, digest) for index, digest in one.records]
    parties = ", ".join(word.party for word in one.closings)
    if one.status == "closed":
        unsigned = ", ".join(word.party for word in one.closings if not word.signed)
        if unsigned:
            notes.find(
                "break.unsigned", one.what.subject, claim=one.what.claim, evidence=evidence, name=one.name,
                item=one.what.item, parties=unsigned,
            )  # fmt: skip
    elif one.status == "agreed":
        notes.find(
            "break.agreed", one.what.subject, claim=one.what.claim, evidence=evidence, name=one.name,
            item=one.what.item, agreed=parties, resolution=one.closings[-1].resolution, age=one.age(as_of),
            owner=one.what.owner, reason=_missing(one.missing),
        )  # fmt: skip
    else:
        _open(one.what, one.name, as_of, notes, evidence)


def _missing(waits: Sequence[Sequence[str]]) -> str:
    """Whose word is missing, one after the other."""
    names = [" / ".join(some) for some in waits if some]
    if not names:
        return "the word of any other party is missing"
    return f"the word of {', '.join(names)} is missing"


def _open(what: Break, name: str, as_of: date, notes: Notes, evidence: Sequence[Evidence]) -> None:
    """One of ``tape.absent``, ``tape.extra`` and ``break.open``."""
    cut_off, age = what.since.isoformat(), max(0, (as_of - what.since).days)
    if what.item in {breaks.ABSENT, breaks.EXTRA}:
        code = "tape.absent" if what.item == breaks.ABSENT else "tape.extra"
        notes.find(
            code, what.subject, claim=what.claim, evidence=evidence, cut_off=cut_off, name=name, age=age,
            owner=what.owner,
        )  # fmt: skip
        return
    # Only what differs by an amount has a difference: days, rates and counts have none.
    unit = f" {what.currency}" if what.difference is not None and what.currency is not None else ""
    shown = {
        name: _NOTHING if value is None else f"{value}{unit}"
        for name, value in (("reported", what.reported), ("derived", what.derived))
    }
    notes.find(
        "break.open", what.subject, claim=what.claim, evidence=evidence, name=name, item=what.item, age=age,
        owner=what.owner, **shown,
    )  # fmt: skip
