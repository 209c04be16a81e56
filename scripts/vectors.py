"""Write the golden vectors of the byte formats into ``tests/vectors/``.

``python scripts/vectors.py`` writes them; with ``--check`` it only compares and exits with 1 when a committed
file is not what this script makes. The vectors are data for any implementation: good cases and, made from
them by one change each, bad ones, with a word on what is wrong. A vector that changes is a format that
changed.

To add a format, write a maker in ``scripts/vector_sets/`` and import its module here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scripts.vector_sets import (
    MAKERS,
    attestations,
    contract,
    documents,
    leaves,
    maps,
    notes,
    reports,
    requests,
    schedules,
    seals,
    texts,
    trees,
)

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors"
#: Importing a module registers its makers.
SETS = (
    attestations,
    contract,
    documents,
    leaves,
    maps,
    notes,
    reports,
    requests,
    schedules,
    seals,
    texts,
    trees,
)


def build(name: str) -> bytes:
    """The bytes of one vector file: readable JSON in ASCII, so that no editor changes what it means."""
    return (json.dumps(MAKERS[name](), indent=1, sort_keys=True) + "\n").encode()


def main(arguments: list[str]) -> int:
    """Write or check all files; returns the exit code."""
    stale = []
    for name in sorted(MAKERS):
        path, data = FOLDER / f"{name}.json", build(name)
        if not path.exists() or path.read_bytes() != data:
            stale.append(path.name)
            if "--check" not in arguments:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    if stale:
        print(("differs: " if "--check" in arguments else "written: ") + ", ".join(stale), file=sys.stderr)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
