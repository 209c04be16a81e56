"""A small book with a party of every role: two lenders with a pool each, and a loan that they share.

============  ================================================================================================
L1            all of it is pledged to bank in P1; its borrower is a private field
L2            all of it is pledged to other in P2
L3            one claim: 400,000 ppm are pledged to bank in P1, 300,000 ppm to other in P2
L4            held by nobody; cash has spoken about it
P3            a pool without claims
============  ================================================================================================

``fund`` was granted P1 and ``insider`` P1 with its private fields.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ledger.store import access
from tests.api.conftest import Site, disbursed, make_site, new_key, originated, pledged, pool, repaid
from tests.databases import sqlite_in

#: Parties by their role; fenqile is originator and servicer of the log.
ROLES = {
    "fenqile": ["originator"],
    "collector": ["servicer"],
    "bank": ["funding_partner"],
    "other": ["funding_partner"],
    "cash": ["account_bank"],
    "guard": ["guarantor"],
    "keeper": ["trustee"],
    "fund": ["investor"],
    "insider": ["investor"],
    "checker": ["auditor"],
    "watch": ["regulator"],
}
NOW = "2026-11-21T23:30:00.000000Z"
SECRET = "王小明"


def make_book(directory: Path, **settings: Any) -> Site:
    """The book as above, published and with P1 sealed, and a key for the daily work of each party."""
    site = make_site(sqlite_in(directory), **settings)
    ledger = site.ledger
    for party, roles in ROLES.items():
        ledger.add_party(party, roles)
        site.tokens[party] = new_key(ledger, party)
    with ledger.store.write() as connection:
        for party, target in (("fund", "pool:P1"), ("insider", "pool:P1"), ("insider", "private:P1")):
            access.grant(connection, ledger.row().id, party, target, given=NOW)
    secret = originated("L1", private={"borrower": SECRET})
    events = [secret, *(originated(name) for name in ("L2", "L3", "L4"))]
    events += [disbursed(f"L{n}", f"{n:02x}" * 32) for n in (1, 2, 3, 4)]
    events += [pool("P1"), pool("P2"), pool("P3")]
    events += [pledged("P1", "L1"), pledged("P2", "L2", holder="other")]
    events += [pledged("P1", "L3", 400_000), pledged("P2", "L3", 300_000, holder="other")]
    ledger.append([json.dumps(event).encode() for event in events], party="fenqile")
    ledger.append([json.dumps(repaid("L4")).encode()], party="cash")
    ledger.publish()
    ledger.seal_pool("P1", party="fenqile", as_of="2026-11-21")
    ledger.publish()
    return site
