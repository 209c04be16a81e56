"""Start, stop or look at a devnet from a checkout, without the rest of Poolproof.

The same as ``poolproof devnet``, for contract work: ``scripts/devnet.py start``, then
``brownie run deploy --network devnet-local``. State is kept in ``.devnet`` beside the sources.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ledger.chain import devnet
from ledger.errors import PoolproofError

DEFAULT_DIRECTORY = Path(__file__).resolve().parent.parent / ".devnet"


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when done, 3 when ``status`` finds none running, an error's own code otherwise."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["start", "stop", "status"])
    parser.add_argument("--directory", type=Path, default=DEFAULT_DIRECTORY, help="where its state is kept")
    parser.add_argument("--port", type=int, default=devnet.DEFAULT_PORT, help="0 for any free one")
    parser.add_argument("--block-time", type=float, help="also make a block every so many seconds")
    given = parser.parse_args(arguments)
    try:
        if given.command == "stop":
            print("stopped" if devnet.stop(given.directory) else "none was running")
            return 0
        if given.command == "start":
            chain = devnet.start(given.directory, port=given.port, block_time=given.block_time)
        else:
            found = devnet.status(given.directory)
            if found is None:
                print("none is running")
                return 3
            chain = found
    except PoolproofError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{chain.url} (chain {chain.chain_id}, process {chain.pid}, state in {chain.directory})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
