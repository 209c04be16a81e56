"""Kills itself, again and again: appends and anchors in forked children that die at seeded points.

    python crash_driver.py FOLDER DATABASE_URL RPC_URL SEED KILLS

Each child goes on where the last one stopped, as a platform would: what it has no acceptance for it sends again.
It dies by SIGKILL at the N-th point of its life, a point being a statement that reaches the database, a commit, a
point of no return of the anchor outbox, or the moment before an acceptance is written down. The last child lives.
Prints one JSON document: what was sent, which acceptances were delivered, how the children died.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event

from ledger.anchors import Anchorer
from ledger.chain import devnet, keystore
from ledger.chain.client import ChainClient
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.store import Store
from ledger.vault import Vault
from tests import book

# What signing and sending load when first used: here once, not again in each child.
for _name in ("eth_account", "eth_abi.abi", "web3"):
    importlib.import_module(_name)

ORIGIN = "crash.example/log"
#: Events of one batch, and batches between two anchors.
BATCH, ANCHOR_EVERY = 7, 3
#: Points in a child's life: enough for two or three batches and an anchor, so that deaths fall everywhere.
POINTS = 90


class Doom:
    """Counts points and kills at the one that was drawn."""

    def __init__(self, at: int | None, witness: Path) -> None:
        self.left = at
        self.witness = witness

    def __call__(self, point: str) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            with self.witness.open("a") as file:
                file.write(point + "\n")
            os.kill(os.getpid(), signal.SIGKILL)


def open_ledger(folder: Path, url: str) -> Ledger:
    """The log with its keys, made where it is not there yet."""
    store = Store(url)
    keys: dict[str, Any] = {
        "vault": Vault.load(folder / "kek"),
        "service": Signer.from_seed("crash.example/service", bytes(32)),
        "signer": Signer.from_seed(ORIGIN, bytes([1]) * 32),
    }
    if (folder / "made").exists():
        return Ledger(store, ORIGIN, **keys)
    ledger = Ledger.create(store, ORIGIN, **keys)
    ledger.add_party("fenqile", ["originator", "servicer"])
    ledger.add_party("bank-a", ["funding_partner"])
    (folder / "made").touch()
    return ledger


def live(folder: Path, url: str, rpc: str, doom: Doom, batches: int) -> None:
    """One child: send what has no acceptance yet, publish and anchor now and then."""
    ledger = open_ledger(folder, url)
    engine = ledger.store.engine
    event.listen(engine, "before_cursor_execute", lambda *_: doom("statement"))
    event.listen(engine, "commit", lambda *_: doom("commit"))
    client = ChainClient(rpc)
    anchorer = Anchorer(ledger.store, ORIGIN, client, keystore.devnet_account(31337, 1), fault=doom)
    done = delivered(folder)
    with (folder / "acceptances").open("a") as file:
        for number in range(batches):
            events = list(book.loans(BATCH, prefix=f"B{number}-"))
            if events[-1]["id"] not in done:
                for one in ledger.append(events, party="fenqile").accepted:
                    doom("acceptance")
                    file.write(json.dumps([one.id, one.index, one.digest.hex()]) + "\n")
                    file.flush()
            if number % ANCHOR_EVERY == ANCHOR_EVERY - 1:
                doom("publish")
                ledger.publish()
                newest = ledger.latest_checkpoint()
                assert newest is not None
                anchorer.run_until(newest[0], timeout=60)
    newest = ledger.latest_checkpoint()
    assert newest is not None
    devnet.mine(rpc, 3)
    anchorer.run_until(newest[0], "final", timeout=60)
    ledger.store.close()


def delivered(folder: Path) -> dict[str, tuple[int, str]]:
    """The acceptances that reached the platform; a line cut off by a death never did."""
    path = folder / "acceptances"
    found: dict[str, tuple[int, str]] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            name, index, digest = json.loads(line)
        except ValueError:
            continue
        if found.setdefault(name, (index, digest)) != (index, digest):
            raise SystemExit(f"{name} was accepted twice: {found[name]} and {(index, digest)}")
    return found


def main(folder: Path, url: str, rpc: str, seed: int, kills: int) -> None:
    """Let ``kills`` children die and one live."""
    rng = random.Random(seed)
    deaths = 0
    batches = 0
    while True:
        last = deaths == kills
        batches += 0 if last else rng.randint(1, 2)
        doom = Doom(None if last else rng.randrange(POINTS), folder / "deaths")
        # A child is a process of its own: it shares no connection, lock or memory with the next one.
        child = os.fork()
        if child == 0:
            try:
                live(folder, url, rpc, doom, batches)
            except BaseException:  # noqa: BLE001 - a child that fails must say so and not go on as a second parent
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            deaths += 1
        elif os.WEXITSTATUS(status):
            raise SystemExit("a child failed by itself")
        elif last:
            break
    points = (folder / "deaths").read_text().split()
    print(json.dumps({"sent": batches * BATCH * 3, "delivered": len(delivered(folder)), "deaths": points}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
