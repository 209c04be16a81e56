"""What an auditor lays beside a pool's records, and what it takes along: a file, and a sample for field work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.errors import ConfigurationError, RefusedError
from ledger.quotes import in_quotes

if TYPE_CHECKING:
    from ledger.audit.perform import Tape
    from ledger.audit.report import AuditReport
    from ledger.audit.run import Progress
    from ledger.charter import HasRoles
    from ledger.store import Store

#: The receipt of an event, by its id and the party that posted it.
Receipts = Callable[[str, str], bytes]


class Laid(NamedTuple):
    """A file to lay beside the records, how it is read, whether it may leave claims out, and who made it."""

    file: Path
    mapping: Path | None
    partial: bool
    sender: str | None


def lay(laid: Laid, pool: str, *, parties: Iterable[HasRoles], progress: Progress) -> Tape:
    """The file as it is to be read, and what to ask of it: its sender, one of ``parties``, has to explain what differs.

    Where none is named it is who keeps the records. Raises :class:`RefusedError` for a sender that is no party, and
    :class:`ConfigurationError` where several parties could keep the records.
    """
    from ledger.charter import keeper_of
    from ledger.cli.reconcile import told_form
    from ledger.reconciling import Order, open_file

    known = list(parties)
    keeper = keeper_of(known)
    sender = laid.sender or keeper
    if sender is None:
        raise ConfigurationError(f"who made {laid.file.name}? several parties could have: give --sender")
    if sender not in {one.name for one in known}:
        raise RefusedError("sender", f"{in_quotes(sender)} is no party of this log", rule="unknown_party")

    def read(done: int, of: int) -> None:
        progress(f"tape {laid.file.name}", done, of)

    order = Order(pool=pool, form=told_form(laid.file, laid.mapping), partial=laid.partial)
    source = open_file(laid.file, order.settled(mapped=laid.mapping is not None), laid.mapping, progress=read)
    return source, replace(order.request, sender=sender, servicer=keeper or sender)


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample to be drawn: how many loans, by what seed, and where their receipts go."""

    loans: int
    seed: str
    folder: Path | None

    def draw(self, store: Store, origin: str, report: AuditReport, *, receipts: Receipts) -> dict[str, Any]:
        """Draw loans of an audited pool and, into the folder, write the receipts of all their records."""
        from ledger.audit import sample
        from ledger.static import write_file
        from ledger.store import logs

        size = report.basis.size
        with store.read() as connection:
            log = logs.get(connection, origin)
            names = sample.population(connection, log, report.pool, size)
            loans = sample.draw(names, self.loans, self.seed)
            events = {loan: sample.events(connection, log, loan, size) for loan in loans}
        files = []
        if self.folder is not None:
            for loan in loans:
                for party, event_id in events[loan]:
                    # A loan's name may be made of dots, which a path would take for another folder.
                    of_loan = loan if loan.strip(".") else f"loan-{loan}"
                    file = self.folder / of_loan / f"{event_id}.receipt.json"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    write_file(file, receipts(event_id, party))
                    files.append(str(file))
        return {"seed": self.seed, "of": len(names), "loans": loans, "receipts": files}
