"""What a worker of a home does: its loops, put together from the home's parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ledger.home.parts import Home
    from ledger.jobs import Handler, Runner
    from ledger.store.logs import LogRow
    from ledger.webhooks.courier import Courier
    from ledger.webhooks.sources.missing import MissingFile
    from ledger.workers import Loop


def loops(home: Home, *only: str) -> list[Loop]:
    """What a worker of this log does, or only the loops of these names.

    Raises :class:`ConfigurationError` for a name that no loop has, and where a key is missing that one needs.
    """
    from ledger.workers import anchoring, publishing, relaying, snapshotting, telling

    settings = home.settings
    makers: dict[str, Callable[[], Loop]] = {
        "publish": lambda: publishing(home.ledger, every=settings.publish_seconds),
        "anchor": lambda: anchoring(home.anchorer, every=settings.chain_poll_seconds),
        "relay": lambda: relaying(home.relayer, every=settings.chain_poll_seconds),
        "webhooks": lambda: telling(courier(home), every=settings.webhook_seconds),
        "snapshot": lambda: snapshotting(home.ledger),
        "events": lambda: _taking_in(home),
        "audit": lambda: _auditing(home),
    }
    if unknown := set(only) - set(makers):
        raise ConfigurationError(f"no loop {min(unknown)!r}; a worker has {', '.join(makers)}")
    # A log on no chain is only published, and one without an AttestationRegistry has nowhere to relay to.
    log = home.ledger.row()
    there = {"anchor": log.chain is not None, "relay": log.attestations is not None}
    chosen = only or [name for name in makers if there.get(name, True)]
    return [makers[name]() for name in chosen]


def _taking_in(home: Home) -> Loop:
    from ledger import reconciling, uploads
    from ledger.workers import taking_in

    intake = uploads.Intake(home.ledger, batch=home.settings.import_batch)
    desk = reconciling.Desk(home.ledger)
    return taking_in(_runner(home, {uploads.KIND: intake.perform, reconciling.KIND: desk.perform}))


def _auditing(home: Home) -> Loop:
    from ledger.audits import KIND, Auditor
    from ledger.workers import auditing

    kept = timedelta(days=home.settings.audit_report_days)
    auditor = Auditor(home.ledger, kek=home.files.kek, rpc_url=lambda: home.rpc_url, kept=kept)
    return auditing(_runner(home, {KIND: auditor.perform}), auditor, every=home.settings.audit_seconds)


def courier(home: Home) -> Courier:
    """Finds what is to be told, and sends it."""
    from ledger.webhooks.courier import Courier
    from ledger.webhooks.guard import Guard
    from ledger.webhooks.sending import Sender
    from ledger.webhooks.sources.attested import Attested
    from ledger.webhooks.sources.late import Late
    from ledger.webhooks.sources.missing import Missing

    ledger = home.ledger
    return Courier(
        ledger.store,
        ledger.origin,
        vault=ledger.vault,
        sender=Sender(Guard(home.settings.receiving_networks)),
        clock=ledger.clock,
        sources=(
            Late(within=home.anchor_within, clock=ledger.clock),
            Missing(lambda log: _missing_files(home, log), clock=ledger.clock),
            Attested(home.node),
        ),
    )


def _missing_files(home: Home, log: LogRow) -> list[MissingFile]:
    """Files of partners that were due and have not come."""
    from ledger.exchange import states
    from ledger.webhooks.sources.missing import MissingFile

    problems = states.problems(home.store, log, now=home.ledger.clock())
    return [
        MissingFile(day=one.day, party=one.party, name=one.name, detail=one.detail)
        for one in problems
        if one.kind == states.Kind.MISSING
    ]


def _runner(home: Home, handlers: Mapping[str, Handler]) -> Runner:
    from ledger.jobs import Runner

    return Runner(home.store, home.origin, handlers, clock=home.ledger.clock)
