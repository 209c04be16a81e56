"""Taking in a signed attestation: everything that can be told without a chain is told before anybody pays for it.

The ledger knows its own tree and what of it is anchored, so it refuses what the contract would refuse, and names the
member that is wrong. What it cannot know is the signer's next number: one that is not his next yet waits in the
outbox.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ledger.access import Caller, signer_target
from ledger.domain import pools
from ledger.domain.calendar import format_instant, parse_instant
from ledger.errors import RefusedError, TooManyError, UnauthorisedError, UndeterminedError
from ledger.store import Store, anchors, logs, relays, subjects, trees
from ledger.store.relays import RelayRow

if TYPE_CHECKING:
    from ledger.chain.attestation import Attestation, SignedAttestation
    from ledger.store import ReadConnection
    from ledger.store.logs import ChainRow, LogRow

#: A transaction has to be made, sent and put into a block before the deadline.
LEAST_TIME: Final = timedelta(minutes=10)
_DAY: Final = timedelta(days=1)


def take(
    store: Store, origin: str, caller: Caller, pool: str, signed: SignedAttestation, *, now: datetime, per_day: int
) -> tuple[RelayRow, bool]:  # fmt: skip
    """Put an attestation about a pool into the outbox; its row, and whether it is new there.

    The same one again changes nothing, whatever became of it. Raises :class:`RefusedError` naming the member that is
    wrong, :class:`UnauthorisedError` where the signer is not one of the caller's party, :class:`TooManyError` where
    the party has handed in ``per_day`` within a day, :class:`UndeterminedError` for a log without a registry.
    """
    with store.write() as connection:
        log = logs.get(connection, origin)
        if log.chain is None or log.attestations is None:
            raise UndeterminedError(f"{origin} has no contract for attestations: its operator makes one")
        _check_place(signed, pool, log.chain, log.attestations)
        _check_signer(signed.attestation.signer, caller)
        if not signed.signed_by_key():
            raise RefusedError(
                "signature",
                "not the signer's over this attestation; a contract's own (ERC-1271) can only be checked on chain,"
                " so its owner relays it",
                rule="signature",
            )
        standing = relays.get(connection, log.id, signed.digest)
        if standing is not None:
            return standing, False
        _check_basis(connection, log, pool, signed.attestation)
        _check_time(signed.attestation, now)
        _check_number(connection, log.id, signed)
        _check_rate(
            relays.asked_since(connection, log.id, caller.party, format_instant(now - _DAY)), now, per_day
        )
        row = _row(caller.party, pool, signed, now)
        relays.add(connection, log.id, row)
    return row, True


def _check_place(signed: SignedAttestation, pool: str, chain: ChainRow, contract: bytes) -> None:
    one = signed.attestation
    for field, found, expected in (
        ("chain_id", signed.chain_id, chain.chain_id),
        ("contract", _hex(signed.contract), _hex(contract)),
        ("attestation.log", _hex(one.log), _hex(chain.log_key)),
        ("attestation.subject", one.subject, f"pool:{pool}"),
    ):
        if found != expected:
            raise RefusedError(field, f"{found}, where this is {expected}", rule="place")
    if not any(one.evidence):
        raise RefusedError(
            "attestation.evidence", "the contract takes none without a document", rule="evidence"
        )


def _check_signer(signer: bytes, caller: Caller) -> None:
    target = signer_target(signer)
    if target not in caller.grants:
        raise UnauthorisedError(
            f"{_hex(signer)} is not known as an address of {caller.party}: the log's operator grants {target!r}"
        )


def _check_basis(connection: ReadConnection, log: LogRow, pool: str, one: Attestation) -> None:
    checkpoint = trees.checkpoint(connection, log.id, one.size)
    anchor = anchors.get(connection, log.id, one.size)
    if checkpoint is None or anchor is None or anchor.state not in anchors.ANCHORED:
        raise RefusedError(
            "attestation.size",
            f"{one.size} is no anchored size, and an attestation stands on one",
            rule="not_anchored",
        )
    if checkpoint.root != one.root:
        raise RefusedError(
            "attestation.root", f"not that of size {one.size}, which is {_hex(checkpoint.root)}", rule="root"
        )
    row = subjects.by_name(connection, log.id, [f"pool:{pool}"])[f"pool:{pool}"]
    newest = pools.decode(row.state).rules_version
    if one.rules_version > newest:
        raise RefusedError(
            "attestation.rules_version",
            f"{one.rules_version}, where the pool has come to {newest}",
            rule="rules_version",
        )


def _check_time(one: Attestation, now: datetime) -> None:
    if one.deadline < (now + LEAST_TIME).timestamp():
        minutes = int(LEAST_TIME.total_seconds()) // 60
        raise RefusedError(
            "attestation.deadline", f"less than {minutes} minutes from now: sign it anew", rule="expired"
        )


def _check_number(connection: ReadConnection, log_id: int, signed: SignedAttestation) -> None:
    one = signed.attestation
    held = relays.numbers_held(connection, log_id, one.signer).get(one.nonce)
    if held is not None:
        raise RefusedError(
            "attestation.nonce", f"{one.nonce} is that of {held.hex()}, which is on its way", rule="number"
        )


def _check_rate(asked: list[str], now: datetime, per_day: int) -> None:
    if per_day and len(asked) >= per_day:
        free = parse_instant(asked[-per_day]) + _DAY
        raise TooManyError(
            f"{per_day} attestations within a day, which is what a party may have relayed",
            retry_after=max(1, int((free - now).total_seconds()) + 1),
        )


def _row(party: str, pool: str, signed: SignedAttestation, now: datetime) -> RelayRow:
    one = signed.attestation
    return RelayRow(
        digest=signed.digest, pool=pool, party=party, signer=one.signer, number=one.nonce, file=signed.encode(),
        state="waiting", asked=format_instant(now), account=None, nonce=None, attempts=0, problem=None,
        transaction_hash=None, block_number=None, block_hash=None, block_time=None,
    )  # fmt: skip


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"
