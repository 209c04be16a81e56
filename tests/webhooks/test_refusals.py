from __future__ import annotations

import json

import pytest

from ledger.errors import TakenError, UnavailableError
from ledger.webhooks.refusals import announcer
from tests import book
from tests.webhooks.conftest import Office


def listening(office: Office) -> None:
    office.pools()
    office.ledger.on_taken = announcer(office.ledger.store, office.ledger.origin, clock=office.clock)
    for party in ("fenqile", "bank-a", "bank-b", "bank-c"):
        office.add(party, path=f"/{party}")


def pledge(number: int, kind: str = "claim.pledged") -> dict[str, object]:
    """What bank-a holds is pledged to bank-c."""
    return book.pledged("B", "bank-c", ("L0", "c1", 250_000), id=f"second-{number}", kind=kind)


def heard(office: Office) -> list[tuple[str, str]]:
    return sorted((got.path, json.loads(got.body)["data"]["event"]) for got in office.receiver.got)


def test_both_sides_of_a_refused_pledge_hear_of_the_standing_record_and_not_whose_it_is(
    office: Office,
) -> None:
    listening(office)
    for _ in range(2):  # the same again is refused again, and told once
        with pytest.raises(TakenError):
            office.ledger.append([pledge(1)], party="fenqile")
    office.run()
    assert heard(office) == [("/bank-c", "second-1"), ("/fenqile", "second-1")]
    standing = office.ledger.state_of("pledge-A")
    for got in office.receiver.got:
        body = json.loads(got.body)
        assert body["type"] == "pledge.refused"
        assert body["data"] == {
            "event": "second-1",
            "event_type": "claim.pledged",
            "party": "fenqile",
            "pool": "B",
            "holder": "bank-c",
            "field": "data.claims[0]",
            "standing": {
                "index": standing["index"], "digest": standing["digest"], "loan": "L0", "claim": "c1",
                "asked": 250_000, "free": 0,
            },
        }  # fmt: skip
        assert b"bank-a" not in got.body
    ids = {got.headers["webhook-id"] for got in office.receiver.got}
    assert len(ids) == 2  # one for each side


def test_in_a_batch_each_refused_pledge_is_told(office: Office) -> None:
    listening(office)
    lines = [json.dumps(pledge(1)).encode(), b"no event", pledge(2, "claim.sold"), *book.loans(1, prefix="N")]
    done = office.ledger.append(lines, party="fenqile", on_error="report")
    assert [error.line for error in done.rejects] == [1, 2, 3]
    office.run()
    assert heard(office) == [
        ("/bank-c", "second-1"), ("/bank-c", "second-2"), ("/fenqile", "second-1"), ("/fenqile", "second-2"),
    ]  # fmt: skip


def test_other_refusals_are_nobodys_business(office: Office) -> None:
    listening(office)
    with pytest.raises(TakenError):  # an id used before
        office.ledger.append([pledge(1) | {"id": "pledge-A"}], party="fenqile")
    with pytest.raises(TakenError):
        office.ledger.append([pledge(1)], party="fenqile", dry_run=True)
    office.run()
    assert heard(office) == []


def test_the_refusal_is_answered_whether_it_can_be_told_or_not(office: Office) -> None:
    listening(office)

    def unavailable(_refused: object) -> None:
        raise UnavailableError("locked")

    office.ledger.on_taken = unavailable
    with pytest.raises(TakenError, match="0 ppm free"):
        office.ledger.append([pledge(1)], party="fenqile")
