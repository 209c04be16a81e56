"""Following a pool between audits: what the newest checkpoint, the contract and every register since say of it.

Each look starts where the one before ended, so nothing that a register showed in between goes unseen, and costs what
changed. What a look finds are findings of the catalogue; claims that came or left are told as such.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.audit import encumbrance, integrity, poolchain
from ledger.audit import pool as pools
from ledger.audit.findings import Finding, Notes
from ledger.audit.run import last_day
from ledger.audit.sight import Sight
from ledger.audit.statements import Signers
from ledger.errors import VerificationError
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import AnchorSource
from ledger.store import Store, logs, subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look saw. ``came`` and ``left`` are (loan, claim, holder, change in ppm), oldest first."""

    size: int
    root: str
    level: str
    registers: int
    came: tuple[tuple[str, str, str, int], ...]
    left: tuple[tuple[str, str, str, int], ...]
    findings: tuple[Finding, ...]
    undetermined: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """1 with a finding of severity error, 3 where the chain or a register could not be looked at, else 0."""
        if any(one.severity == "error" for one in self.findings):
            return 1
        return 3 if self.undetermined else 0


def look(
    store: Store, origin: str, pool_name: str, *, trust: TrustRoot, sight: Sight, since: int = 0,
    anchors: AnchorSource | None = None,
) -> Look:  # fmt: skip
    """Look at the newest checkpoint and at every register from the tree of size ``since`` on; ``sight`` says who looks.

    Raises :class:`VerificationError` where the newest tree is smaller than that: what was shown is taken back.
    """
    notes = Notes()
    for finding in sight.notes.findings:
        notes.note(finding)
    with store.read() as connection:
        log = logs.get(connection, origin)
        opened = integrity.open_size(connection, log, None, trust=trust, anchors=anchors, notes=notes)
        size = opened.checkpoint.size
        if size < since:
            raise VerificationError(
                f"a tree of {since} entries was shown before, and the newest one has {size}",
                step="checkpoint",
                evidence={"shown": since, "checkpoint": bytes(opened.checkpoint.note).decode()},
            )
        pool = pools.load(
            connection,
            log,
            pool_name,
            before=size,
            as_of=last_day(connection, log, size),
            notes=notes,
            signers=Signers.of(trust),
        )
        loan_ids = subjects.loans_of_pool(connection, log.id, pool.id, before=size)
        integrity.check_register(connection, log, opened.register, lambda _done, _of: None)
        for part in encumbrance.parts(connection, log, loan_ids, size=size):
            notes.add(
                encumbrance.follow(connection, log, pool, part, since=since, size=size, opener=sight.opener)
            )
        registers = encumbrance.registers_since(connection, log, since, size)
        poolchain.check(connection, log, pool, opened.register, size=size, notes=notes)
        moves = [
            move[1:] for move in subjects.pool_moves(connection, log.id, pool.id, start=since, stop=size)
        ]
    undetermined = {
        f"{one.name}: {reason}"
        for one in notes.procedures.values()
        if one.undetermined
        for reason in one.reasons
    }
    return Look(
        size=size,
        root=bytes(opened.checkpoint.root).hex(),
        level=str(opened.verdict.level),
        registers=0 if sight.opener is None else len(registers),
        came=tuple(move for move in moves if move[3] > 0),
        left=tuple(move for move in moves if move[3] < 0),
        findings=tuple(sorted(notes.findings, key=lambda one: one.order)),
        undetermined=tuple(sorted(undetermined)),
    )
