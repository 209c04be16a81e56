"""Is this installation sound? Questions with an answer each, asked one after the other; none changes anything.

A failed check says what to do. A warning is what a careful operator would mend before going live.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ledger.counts import counted
from ledger.errors import ConfigurationError, IntegrityError, PoolproofError

if TYPE_CHECKING:
    from ledger.home import Home

#: Below the first the log works for some days more; below the second SQLite may stop within hours.
LOW_DISK_BYTES: Final = 1 << 30
NO_DISK_BYTES: Final = 100 << 20
#: Block times are the proposer's word; a greater distance is our clock's fault or a chain that stands still.
CLOCK_SLACK_SECONDS: Final = 900

State = Literal["ok", "warning", "failed", "skipped"]
Answer = tuple[State, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question."""

    name: str
    state: State
    detail: str

    def to_json(self) -> dict[str, str]:
        """``{"name", "state", "detail"}``."""
        return {"name": self.name, "state": self.state, "detail": self.detail}


def examine(home: Home) -> Iterator[Finding]:
    """Ask every question about ``home``; what needs the answer of a failed one is skipped."""
    failed: set[str] = set()
    for name, question, needs in _QUESTIONS:
        missing = next((need for need in needs if need in failed), None)
        found = Finding(name, "skipped", f"needs: {missing}") if missing else _ask(home, name, question)
        # A warning about the chain is that there is none.
        if found.state in {"failed", "skipped"} or (name == "chain" and found.state == "warning"):
            failed.add(name)
        yield found


def _ask(home: Home, name: str, question: Question) -> Finding:
    try:
        return Finding(name, *question(home))
    except PoolproofError as error:
        return Finding(name, "failed", str(error))
    except OSError as error:
        return Finding(name, "failed", f"{error.filename or name}: {error.strerror or error}")


def _home(home: Home) -> Answer:
    if not home.path.is_dir():
        return "failed", f"no directory {home.path}; `poolproof init --origin NAME` makes one"
    open_files = [
        path.name
        for path in home.settings.keys.glob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    if open_files:
        return (
            "failed",
            f"other users can read {', '.join(sorted(open_files))} in {home.settings.keys}: chmod 600",
        )
    if not os.access(home.path, os.W_OK):
        return "failed", f"{home.path} is not writable by this user"
    return "ok", f"{home.path.resolve()}, log {home.origin}"


def _disk(home: Home) -> Answer:
    free = shutil.disk_usage(home.path if home.path.exists() else home.path.absolute().parent).free
    state: State = "failed" if free < NO_DISK_BYTES else "warning" if free < LOW_DISK_BYTES else "ok"
    return state, f"{free / (1 << 30):.1f} GiB free for {home.path}"


def _database(home: Home) -> Answer:
    from ledger.store import logs, migrations

    revision, wanted = migrations.current(home.store), migrations.newest()
    if revision != wanted:
        return "failed", f"schema {revision or 'none'}, this version needs {wanted}: run `poolproof init`"
    with home.store.read() as connection:
        row = logs.get(connection, home.origin)
    kind = "SQLite" if home.store.is_sqlite else "PostgreSQL"
    size = counted(row.size, "entry", "entries")
    return "ok", f"{kind}, schema {wanted}, {size}, {row.published:,} published"


def _keys(home: Home) -> Answer:
    """The keys in the files are those that the log names."""
    from ledger.store import logs

    with home.store.read() as connection:
        known = {
            (row.kind, row.key)
            for row in logs.list_keys(connection, home.log_id(connection))
            if row.valid_to is None
        }
    held = [("service", home.service)] + ([("log", home.signer)] if home.signer else [])
    for kind, signer in held:
        if (kind, signer.verifier.vkey) not in known:
            return (
                "failed",
                f"{kind} key {signer.verifier.reference} is not one of the log's; restore the right file",
            )
    if home.signer is None:
        return "warning", "no checkpoint key here: this home cannot publish"
    return "ok", "checkpoint key and service key are the log's"


def _kek(home: Home) -> Answer:
    from ledger.store import subjects

    with home.store.read() as connection:
        sample = subjects.any_secret(connection, home.log_id(connection))
    if sample is None:
        return "ok", f"{home.vault.fingerprint}; there is no secret yet that it could open"
    name, wrapped = sample
    home.vault.unwrap(wrapped, name)
    return "ok", f"{home.vault.fingerprint} opens the secret of {name}"


def _backup(home: Home) -> Answer:
    backup = home.files.confirmed_backup()
    if backup is None:
        return (
            "warning",
            "never confirmed: run `poolproof init --kek-backup FILE` with a file on another machine",
        )
    if backup["fingerprint"] != home.vault.fingerprint:
        return "failed", f"the backup is of key {backup['fingerprint']}, in use is {home.vault.fingerprint}"
    return "ok", f"{backup['fingerprint']} read back at {backup['confirmed']}"


def _erasures(home: Home) -> Answer:
    noted = home.files.erasures.entries(home.origin)
    returned = home.ledger.eraser.returned(noted)
    if returned:
        loans = ", ".join(one.loan for one in returned[:5])
        are = counted(len(returned), "erased loan is", "erased loans are")
        return "failed", f"{are} here again ({loans}): `poolproof erase --replay`"
    return "ok", f"{len(noted)} noted in {home.files.erasures.path.name}, none of them is here again"


def _trust_root(home: Home) -> Answer:
    from ledger.proofs.trust import TrustRoot
    from ledger.store import logs

    with home.store.read() as connection:
        document = logs.latest_trust_root(connection, home.log_id(connection))
    if document is None:
        return "failed", "none was issued: run `poolproof trust -o trust.json`"
    issued = TrustRoot.parse(document)
    now = home.ledger.trust_root(pinned=[(one.number, one.hash) for one in issued.pinned_blocks])
    if now.encode() != document:
        return (
            "warning",
            f"{issued.fingerprint} is not up to date: run `poolproof trust -o trust.json` and hand it over",
        )
    return "ok", issued.fingerprint


def _clock(home: Home) -> Answer:
    posted = home.ledger.status().last_posted
    ahead = (datetime.fromisoformat(posted) - datetime.now(UTC)).total_seconds() if posted else 0.0
    if ahead > 1:
        return "failed", f"the newest record was posted {ahead:.0f} s from now: set this machine's clock"
    return "ok", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _chain(home: Home) -> Answer:
    binding = home.ledger.row().chain
    if binding is None:
        return "warning", "the log is on no chain: run `poolproof init` with a chain endpoint"
    client = home.client()  # refuses another chain id, another genesis, other code
    latest = client.latest()
    behind = datetime.now(UTC).timestamp() - latest.time
    place = f"chain {binding.chain_id} ({binding.grade}) at {client.name}, block {latest.number}"
    if binding.grade != "devnet" and abs(behind) > CLOCK_SLACK_SECONDS:
        return (
            "failed",
            f"{place} is {behind:.0f} s from our clock: the chain stands still or the clock is wrong",
        )
    return "ok", place


def _contract(home: Home) -> Answer:
    """What the contract holds is what the log says."""
    from ledger.store import logs

    info = home.client().log_info()
    if info.closed:
        return "failed", f"the log is closed on chain at size {info.last_good_size}"
    if info.paused_until > datetime.now(UTC).timestamp():
        return (
            "warning",
            f"the log's owner has paused it until {datetime.fromtimestamp(info.paused_until, UTC)}",
        )
    published = home.ledger.status().published
    if info.size > published:
        raise IntegrityError(
            f"the contract holds size {info.size}, this database published {published}: it was restored from an older"
            " backup, or another database anchors the same log"
        )
    if info.size:
        ours = home.ledger.root_of(info.size)
        if ours != info.root:
            raise IntegrityError(
                f"at size {info.size} the contract holds root {info.root.hex()}, the log {ours.hex()}"
            )
    with home.store.read() as connection:
        document = logs.latest_trust_root(connection, home.log_id(connection))
    if document is not None:
        import hashlib

        if hashlib.sha256(document).digest() != info.trust_root:
            return (
                "warning",
                f"it names trust root {info.trust_root.hex()}, not the one issued: run `poolproof trust`",
            )
    return "ok", f"0x{home.client().contract.hex()}, head {info.size:,}"


def _anchorer(home: Home) -> Answer:
    from ledger.anchors import funds
    from ledger.store import anchors

    client = home.client()
    account = home.anchorer_account(home.binding.chain_id)
    info = client.log_info()
    if account.address != info.anchorer:
        raise ConfigurationError(
            f"0x{account.address.hex()} is not the log's anchorer, which is 0x{info.anchorer.hex()}"
        )
    with home.store.read() as connection:
        payer = anchors.last_payer(connection, home.log_id(connection))
    found = funds.look(client, account.address, payer, anchor_seconds=home.settings.anchor_seconds)
    if found.anchors is None:
        return "ok", f"0x{account.address.hex()}, gas costs nothing here"
    state: State = "failed" if found.anchors == 0 else "warning" if found.low else "ok"
    enough = counted(found.anchors, "anchor")
    return (
        state,
        f"0x{account.address.hex()} has {found.balance / 10**18:.6f} coins, enough for some {enough}"
        + (f", less than {funds.LOW_DAYS} days': top it up" if found.low else ""),
    )


Question: TypeAlias = "Callable[[Home], Answer]"
#: Name, question, and the names of those whose answer it needs.
_QUESTIONS: Final[Sequence[tuple[str, Question, Sequence[str]]]] = (
    ("home", _home, ()),
    ("disk", _disk, ()),
    ("database", _database, ("home",)),
    ("keys", _keys, ("database",)),
    ("key-encryption key", _kek, ("keys",)),
    ("kek backup", _backup, ("home",)),
    ("erasures", _erasures, ("keys",)),
    ("trust root", _trust_root, ("keys",)),
    ("clock", _clock, ("keys",)),
    ("chain", _chain, ("keys",)),
    ("contract", _contract, ("chain",)),
    ("anchorer", _anchorer, ("chain",)),
)
