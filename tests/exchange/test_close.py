"""A business date is closed by both sides, over the same records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.errors import ConfigurationError, RefusedError
from ledger.exchange import Exchange
from ledger.proofs.note import Signer
from tests.exchange.running import FRIDAY, SATURDAY, Desk, payments, send_payments, shown

BANK = Signer.from_seed("bank-a", bytes([10]) * 32)
SERVICER = Signer.from_seed("fenqile", bytes([9]) * 32)


@pytest.fixture
def exchange(desk: Desk) -> Exchange:
    """Friday's file is in."""
    desk.ledger.add_party("fenqile", ["originator", "servicer"], [SERVICER.verifier.vkey])
    send_payments(desk, FRIDAY, (1, "L0", 10_000), (2, "L1", 5_000))
    desk.run()
    return Exchange(desk.place, desk.ledger, batch=500)


def closing(desk: Desk) -> dict[str, Any]:
    """What bank-a is given to sign."""
    path = desk.folder / "out" / "bank-a" / FRIDAY.isoformat() / "close.json"
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return event


def countersign(desk: Desk, signer: Signer = BANK) -> bytes:
    """The same, signed, as a file of events."""
    event = closing(desk)
    signed = statements.sign_submission(
        signer, desk.ledger.origin, read_submission(event, party="bank-a", origin=desk.ledger.origin)
    )
    assert signed.sig is not None
    return json.dumps(event | {"sig": {"key": signed.sig.key, "value": signed.sig.value}}).encode() + b"\n"


def test_the_servicer_closes_and_the_partner_answers_by_a_file(desk: Desk, exchange: Exchange) -> None:
    assert not (desk.folder / "out" / "bank-a" / FRIDAY.isoformat() / "close.json").exists()
    ours = exchange.close(FRIDAY, party="fenqile", signer=SERVICER)
    assert (ours.signed, ours.repeated) == (True, False)
    assert [(line["holder"], line["count"], line["sum"]) for line in ours.lines] == [
        (None, 2, "150.00"), ("bank-a", 2, "105.00"), ("bank-b", 2, "45.00"),
    ]  # fmt: skip
    assert closing(desk)["data"] == {
        "date": "2026-11-20", "before": ours.before, "lines": desk.recon(FRIDAY, "bank-a")[0]["lines"],
    }  # fmt: skip
    desk.send(FRIDAY, "bank-a", "close", countersign(desk), mapping=None)
    (taken,) = desk.run().files
    assert (taken.row.state, taken.row.accepted) == ("taken", 1)
    again = exchange.close(FRIDAY, party="bank-a", signer=None)
    assert (again.repeated, again.signed, again.before) == (True, True, ours.before)


def test_a_close_that_another_signed_is_refused(desk: Desk, exchange: Exchange) -> None:
    exchange.close(FRIDAY, party="fenqile", signer=SERVICER)
    desk.send(FRIDAY, "bank-a", "close", countersign(desk, SERVICER), mapping=None)
    assert (FRIDAY.isoformat(), "bank-a", "close", "refused") in shown(desk.run())


def test_records_that_come_after_it_open_the_date_again(desk: Desk, exchange: Exchange) -> None:
    first = exchange.close(FRIDAY, party="fenqile", signer=None)
    late = payments(FRIDAY, (3, "L2", 1_000))
    desk.send(FRIDAY, "fenqile", "repayments.2", late, mapping="repayments")
    assert (FRIDAY.isoformat(), "", "", "reopened") in shown(desk.run())
    manifest, _ = desk.recon(FRIDAY, "bank-a")
    assert (manifest["closed"], (desk.folder / "out/bank-a/2026-11-20/close.json").exists()) == (False, False)
    second = exchange.close(FRIDAY, party="fenqile", signer=SERVICER)
    assert second.before > first.before
    assert not second.repeated
    assert (FRIDAY.isoformat(), "", "", "reopened") not in shown(desk.run())
    assert closing(desk)["data"]["before"] == second.before
    theirs = exchange.close(FRIDAY, party="bank-a", signer=BANK)
    assert (theirs.before, [line["sum"] for line in theirs.lines]) == (second.before, ["112.00"])


def test_records_of_other_dates_do_not(desk: Desk, exchange: Exchange) -> None:
    first = exchange.close(FRIDAY, party="fenqile", signer=None)
    send_payments(desk, SATURDAY, (3, "L2", 1_000))
    assert [one for one in shown(desk.run()) if one[3] == "reopened"] == []
    again = exchange.close(FRIDAY, party="fenqile", signer=None)
    assert (again.repeated, again.before) == (True, first.before)


def test_a_close_that_came_another_way_is_answered_by_what_the_records_say(
    desk: Desk, exchange: Exchange
) -> None:
    before = desk.ledger.row().size
    line = {"type": "repayment.received", "holder": None, "currency": "CNY", "count": 2, "sum": "150.00"}
    data = {"date": FRIDAY.isoformat(), "before": before, "lines": [line]}
    closed = {"id": "own.1", "type": "day.closed", "subject": "log", "effective": "2026-11-20", "data": data}
    desk.ledger.append([closed], party="fenqile")
    assert desk.run().told == [FRIDAY]
    assert [one for one in shown(desk.run()) if one[3] == "reopened"] == [], (
        "it has other lines, of the same records"
    )
    assert (closing(desk)["data"]["before"], desk.run().told) == (before, [])
    theirs = exchange.close(FRIDAY, party="bank-a", signer=BANK)
    assert (theirs.before, [line["sum"] for line in theirs.lines]) == (before, ["105.00"])


def test_who_cannot_close_and_when(desk: Desk, exchange: Exchange) -> None:
    with pytest.raises(RefusedError, match="no servicer has closed 2026-11-20 yet"):
        exchange.close(FRIDAY, party="bank-a", signer=BANK)
    with pytest.raises(RefusedError, match="fenqile/2026-11-21/repayments: missing"):
        exchange.close(SATURDAY, party="fenqile", signer=None)
    with pytest.raises(ConfigurationError, match="the key is bank-a's, not fenqile's"):
        exchange.close(FRIDAY, party="fenqile", signer=BANK)
    desk.ledger.add_party("clearing", ["account_bank"])
    with pytest.raises(ConfigurationError, match="clearing: who closes a date"):
        exchange.close(FRIDAY, party="clearing", signer=None)
