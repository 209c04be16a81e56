"""Simulate a platform from a checkout: ``poolproof simulate`` under the name that one looks for here.

python scripts/simulate.py --loans 100000 --months 24 -o events.ndjson
"""

from __future__ import annotations

import sys

from ledger.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "simulate")
    main()
