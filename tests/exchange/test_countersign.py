"""A partner signs the close of a date on its own machine: what it has seen, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import NotFoundError, RefusedError, UndeterminedError, VerificationError
from ledger.exchange import Exchange, countersign
from ledger.proofs.note import Signer
from tests.exchange.running import FRIDAY, Desk, payments, send_payments, shown, stamp

BANK = Signer.from_seed("bank-a", bytes([10]) * 32)
OTHER = Signer.from_seed("bank-b", bytes([11]) * 32)


@pytest.fixture
def exchange(desk: Desk) -> Exchange:
    """Friday's file is in."""
    send_payments(desk, FRIDAY, (1, "L0", 10_000), (2, "L1", 5_000))
    desk.run()
    return Exchange(desk.place, desk.ledger, batch=500)


def folder(desk: Desk) -> Path:
    return desk.folder / "out" / "bank-a" / FRIDAY.isoformat()


def test_it_is_taken_in_as_the_partners_signed_close(desk: Desk, exchange: Exchange) -> None:
    ours = exchange.close(FRIDAY, party="fenqile", signer=None)
    done = countersign(desk.place, FRIDAY, BANK, origin=desk.ledger.origin)
    assert (done.origin, done.party, done.before, done.again) == (
        desk.ledger.origin, "bank-a", ours.before, False,
    )  # fmt: skip
    assert done.lines == [one for one in ours.lines if one["holder"] == "bank-a"]
    assert done.file == "in/bank-a/2026-11-20/close.ndjson"
    stamp(desk.folder / done.file.replace("ndjson", "ok"), FRIDAY)
    again = countersign(desk.place, FRIDAY, BANK)
    assert (again.again, again.file) == (True, done.file)
    (taken,) = desk.run().files
    assert (taken.row.state, taken.row.accepted, taken.row.refused) == ("taken", 1, 0)
    theirs = exchange.close(FRIDAY, party="bank-a", signer=None)
    assert (theirs.repeated, theirs.signed, theirs.before) == (True, True, ours.before)
    assert countersign(desk.place, FRIDAY, BANK).again


def test_a_date_that_is_closed_again_is_signed_again_beside_the_first(desk: Desk, exchange: Exchange) -> None:
    exchange.close(FRIDAY, party="fenqile", signer=None)
    countersign(desk.place, FRIDAY, BANK)
    desk.run()
    late = payments(FRIDAY, (4, "L2", 1_000))
    desk.send(FRIDAY, "fenqile", "repayments.2", late, mapping="repayments")
    desk.run()
    with pytest.raises(UndeterminedError, match="the servicer has not closed 2026-11-20 yet"):
        countersign(desk.place, FRIDAY, BANK)
    second = exchange.close(FRIDAY, party="fenqile", signer=None)
    done = countersign(desk.place, FRIDAY, BANK)
    assert (done.file, done.before) == ("in/bank-a/2026-11-20/close.2.ndjson", second.before)
    stamp(desk.folder / done.file.replace("ndjson", "ok"), FRIDAY)
    desk.run()
    theirs = exchange.close(FRIDAY, party="bank-a", signer=None)
    assert (theirs.repeated, theirs.signed, theirs.before) == (True, True, second.before)
    assert [one for one in shown(desk.run()) if one[0] == FRIDAY.isoformat()] == []


def _sum(text: str) -> str:
    return text.replace('"105.00"', '"105.01"')


def _line_less(text: str) -> str:
    event = json.loads(text)
    event["data"]["lines"] = []
    return json.dumps(event)


@pytest.mark.parametrize(
    ("file", "edit", "step"),
    [
        ("close.json", _sum, "close"),
        ("close.json", _line_less, "close"),
        ("close.json", lambda text: text.replace('"count": 2', '"count": 3'), "close"),
        ("recon.csv", lambda text: text.replace("70.00", "70.01"), "manifest"),
        ("recon.manifest.json", lambda text: text.replace('"rows": 2', '"rows": 3'), "manifest"),
        ("recon.manifest.json", lambda text: text.replace("bank-a", "bank-b"), "manifest"),
    ],
)
def test_files_that_contradict_each_other_are_not_signed(
    desk: Desk, exchange: Exchange, file: str, edit: Callable[[str], str], step: str
) -> None:
    exchange.close(FRIDAY, party="fenqile", signer=None)
    path = folder(desk) / file
    text = path.read_text(encoding="utf-8")
    assert edit(text) != text
    path.write_text(edit(text), encoding="utf-8")
    with pytest.raises(VerificationError) as caught:
        countersign(desk.place, FRIDAY, BANK)
    assert caught.value.step == step
    assert not (desk.folder / "in" / "bank-a").exists(), "nothing is written"


def test_what_cannot_be_signed(desk: Desk, exchange: Exchange) -> None:
    with pytest.raises(UndeterminedError, match="has not closed"):
        countersign(desk.place, FRIDAY, BANK)
    exchange.close(FRIDAY, party="fenqile", signer=None)
    with pytest.raises(RefusedError, match="not of lender"):
        countersign(desk.place, FRIDAY, BANK, origin="lender.example/other")
    unknown = Signer.from_seed("bank-z", bytes([12]) * 32)
    with pytest.raises(NotFoundError, match="bank-z has no reconciliation file"):
        countersign(desk.place, FRIDAY, unknown)
    # Another party's close under a name of one's own: the event names its party.
    for name in ("recon.csv", "recon.manifest.json", "recon.ok", "close.json"):
        theirs = desk.folder / "out" / "bank-b" / FRIDAY.isoformat() / name
        theirs.write_bytes((folder(desk) / name).read_bytes())
    with pytest.raises(VerificationError, match="its partner is not bank-b"):
        countersign(desk.place, FRIDAY, OTHER)
