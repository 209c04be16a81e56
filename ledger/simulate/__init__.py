"""A simulated consumer-finance platform: its events of any size, seeded, reproducible, streamed.

:class:`Simulation` gives the events day by day, :func:`drive` puts them into a log with the answers of the account
bank that need the log's digests, :func:`parties` are those to register first. Rooms behind: ``course`` (what each day
brings), ``share`` (loans on a day; ``processes`` runs several), ``offers`` (what is bought), ``origination``,
``borrowers`` (behaviour), ``plans`` (instalments), ``shelf`` and ``pools``, ``frauds``, ``platform`` (parties,
products, pools), ``lines`` (text of events), ``clerk``, ``clock``.
"""

from ledger.simulate.clerk import Clerk, drive
from ledger.simulate.clock import SimulatedClock
from ledger.simulate.options import FRAUDS, SCENARIOS, Options
from ledger.simulate.platform import SimulatedParty, parties
from ledger.simulate.stream import NEEDS_A_LOG, Day, Simulation

__all__ = [
    "FRAUDS",
    "NEEDS_A_LOG",
    "SCENARIOS",
    "Clerk",
    "Day",
    "Options",
    "SimulatedClock",
    "SimulatedParty",
    "Simulation",
    "drive",
    "parties",
]
