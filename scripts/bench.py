"""The promises of the design, measured; one JSON document on standard output.

    python scripts/bench.py                      everything, about half an hour on two cores
    python scripts/bench.py --sizes 10000        appends of one size only
    python scripts/bench.py --only verify gas    some sections

Each append, seal and audit runs in a process of its own, so that its memory is its own. ``raw`` is what cannot be
avoided: decode the line, hash the record, put the row into a bare table. Ratios say what the ledger costs beside that;
they hold on other machines, the rates do not. CPU seconds are those of the measuring process, and hold while others
work as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.bench_sets import Json, append, books, http, machine, proofs, registers, say


def main() -> None:
    """Run the sections asked for and print the document."""
    sections: dict[str, Callable[[argparse.Namespace], Any]] = {
        "append": append.appends, "register": registers.registers, "seal": registers.seals, "proofs": proofs.proofs,
        "verify": proofs.verify_start, "gas": proofs.gas, "simulate": books.simulate, "audit": books.audits,
        "http": http.http,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--claims", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--loans", type=int, nargs="*", default=[20_000, 135_000], help="of audited books")
    parser.add_argument("--only", nargs="*", choices=sections, default=list(sections))
    parser.add_argument("--child", nargs=2, metavar=("BACKEND", "EVENTS"), help=argparse.SUPPRESS)
    parser.add_argument("--seal-child", metavar="CLAIMS", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--book-child", nargs=2, metavar=("LOANS", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--audit-child", nargs=2, metavar=("FOLDER", "POOL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.audit_child:
        print(json.dumps(books.audit(Path(options.audit_child[0]), options.audit_child[1])))
    elif options.book_child:
        print(json.dumps(books.book(int(options.book_child[0]), Path(options.book_child[1]))))
    elif options.seal_child:
        print(json.dumps(registers.seal(options.seal_child)))
    elif options.child:
        print(json.dumps(append.append(options.child[0], int(options.child[1]))))
    else:
        document: Json = {"machine": machine()}
        for name in options.only:
            say(f"{name} …")
            document[name] = sections[name](options)
        print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
