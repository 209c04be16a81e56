"""Relays what is handed in, and dies by SIGKILL after the node has taken a transaction and before that is noted.

``python -m tests.e2e.relay_driver`` in the environment of a home. Not a test: ``test_relay.py`` starts it.
"""

from __future__ import annotations

import os
import signal
import time

from ledger.home import Home
from ledger.relay import Relayer
from ledger.settings import Settings


def die(point: str) -> None:
    if point == "broadcast":
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    with Home(Settings.load()) as home:
        account = home.anchorer_account(home.binding.chain_id)
        relayer = Relayer(home.store, home.origin, home.node(), account, fault=die)
        while True:
            relayer.step()
            time.sleep(0.1)


if __name__ == "__main__":
    main()
