"""``python -m ledger`` is ``poolproof``."""

from ledger.cli import main

main()
