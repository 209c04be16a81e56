"""Who sees what: by role, by claims held, by grant, by having spoken; what is not seen is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ledger import access
from ledger.access import Caller, Scope, View
from ledger.errors import ConfigurationError, NotFoundError
from ledger.log import Ledger
from ledger.store import access as stored
from ledger.store import logs
from tests.api.conftest import Site, disbursed, make_site, originated, pledged, pool, repaid
from tests.databases import sqlite_in

NOW = "2026-11-21T23:30:00.000000Z"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """L1 is pledged to bank in P1, L2 to other in P2, L3 to nobody; smallbank lends half of L3."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("seen")))
    for name, roles in (
        ("other", ["funding_partner"]),
        ("smallbank", ["funding_partner"]),
        ("checker", ["auditor"]),
        ("cash", ["account_bank"]),
    ):
        site.ledger.add_party(name, roles)
    shared = originated("L3")
    shared["data"]["claims"] = [
        {"claim": "c1", "creditor": "fenqile", "share": 500_000},
        {"claim": "c2", "creditor": "smallbank", "share": 500_000},
    ]
    shared["data"]["remainder"] = "c1"
    events = [originated("L1"), originated("L2"), shared, pool("P1"), pool("P2"), pool("P3")]
    events += [disbursed("L1"), disbursed("L2"), pledged("P1", "L1"), pledged("P2", "L2", holder="other")]
    site.ledger.append([_bytes(event) for event in events], party="fenqile")
    site.ledger.append([_bytes(repaid("L2"))], party="cash")
    yield site
    site.ledger.store.close()


def _bytes(event: dict[str, object]) -> bytes:
    return json.dumps(event).encode()


def grant(ledger: Ledger, party: str, target: str) -> None:
    with ledger.store.write() as connection:
        stored.grant(connection, ledger.row().id, party, target, given=NOW)


def seen(ledger: Ledger, party: str) -> tuple[list[str], list[str]]:
    """Pools and loans that a party sees."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        view = View(connection, log, access.caller(connection, log.id, party, ["read"]))
        loans = [name for name in ("L1", "L2", "L3", "none") if _sees(view, name)]
        for name in {"L1", "L2", "L3", "none"}.difference(loans):
            with pytest.raises(NotFoundError, match=f"no loan '{name}' in this log"):
                view.loan(name)
        for name in ("P1", "P2", "P3", "none"):
            if name not in view.pools():
                with pytest.raises(NotFoundError, match=f"no pool '{name}' in this log"):
                    view.pool(name)
        return view.pools(), loans


def _sees(view: View, loan: str) -> bool:
    try:
        view.loan(loan)
    except NotFoundError:
        return False
    return True


@pytest.mark.parametrize(
    ("party", "pools", "loans"),
    [
        ("fenqile", ["P1", "P2", "P3"], ["L1", "L2", "L3"]),  # originator and servicer oversee
        ("checker", ["P1", "P2", "P3"], ["L1", "L2", "L3"]),
        ("bank", ["P1"], ["L1"]),
        ("other", ["P2"], ["L2"]),
        ("smallbank", [], ["L3"]),  # a creditor
        ("cash", [], ["L2"]),  # has spoken about it
        ("fund", [], []),
        ("nobody", [], []),
    ],
)
def test_a_party_sees_what_is_its_own(site: Site, party: str, pools: list[str], loans: list[str]) -> None:
    assert seen(site.ledger, party) == (pools, loans)


def test_a_grant_opens_and_its_withdrawal_closes(site: Site) -> None:
    before = seen(site.ledger, "fund")
    grant(site.ledger, "fund", "pool:P1")
    assert seen(site.ledger, "fund") == (["P1"], ["L1"])
    grant(site.ledger, "fund", "log")
    assert seen(site.ledger, "fund") == (["P1", "P2", "P3"], ["L1", "L2", "L3"])
    with site.ledger.store.write() as connection:
        for target in ("pool:P1", "log"):
            assert stored.withdraw(connection, site.ledger.row().id, "fund", target)
    assert seen(site.ledger, "fund") == before


def test_private_fields_are_for_those_who_posted_or_were_granted_them(site: Site) -> None:
    ledger = site.ledger

    def private(party: str, loan: str) -> bool:
        with ledger.store.read() as connection:
            log = logs.get(connection, ledger.origin)
            view = View(connection, log, access.caller(connection, log.id, party, ["read"]))
            return view.private(loan, posted_by="fenqile")

    assert private("fenqile", "L1")
    assert not private("checker", "L1")
    assert not private("bank", "L1")
    grant(ledger, "bank", "private:P1")
    assert private("bank", "L1")
    assert not private("bank", "L2")
    grant(ledger, "checker", "private")
    assert private("checker", "L2")


def test_an_operator_has_the_grant_and_the_scope() -> None:
    values = {"party": "p", "roles": frozenset[str]()}
    both = Caller(**values, scopes=frozenset({Scope.ADMIN}), grants=frozenset({"operator"}))  # type: ignore[arg-type]
    assert both.operates
    assert not Caller(**values, scopes=frozenset({Scope.ADMIN})).operates  # type: ignore[arg-type]
    assert not Caller(**values, scopes=access.DAILY_SCOPES, grants=frozenset({"operator"})).operates  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["log", "operator", "private", "pool:2026-1", "private:2026-1"])
def test_targets(target: str) -> None:
    assert access.check_target(target) == target


@pytest.mark.parametrize(
    "target", ["", "pool", "pool:", "log:x", "operator:", "pool:a b", "Pool:x", "private:"]
)
def test_what_is_no_target_is_refused(target: str) -> None:
    with pytest.raises(ConfigurationError, match="one of log, operator"):
        access.check_target(target)


def test_reads_are_noted_with_who_made_them(site: Site) -> None:
    ledger = site.ledger
    caller = Caller(party="bank", roles=frozenset(), scopes=frozenset(), key_id="k1")
    access.note_read(
        ledger.store, ledger.row().id, caller, subject="loan:L1", what="timeline", now=ledger.clock()
    )
    with ledger.store.read() as connection:
        [read] = stored.reads(connection, ledger.row().id, limit=5)
    assert (read.at, read.party, read.who, read.subject, read.what) == (
        NOW,
        "bank",
        "k1",
        "loan:L1",
        "timeline",
    )
