"""The group commit: everyone gets their own answer, whatever happens to the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from api.intake import Gate, Intake
from ledger.errors import RefusedError, UnavailableError


class Tape:
    """An append in memory that keeps its groups and can be made to wait."""

    def __init__(self, rule: Callable[[str], Exception | None] = lambda _: None) -> None:
        self.groups: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.rule = rule

    def append(self, group: Sequence[str]) -> list[Any]:
        self.gate.wait(10)
        self.groups.append(list(group))
        outcomes: list[Any] = []
        for event in group:
            error = self.rule(event)
            if error is not None and not isinstance(error, RefusedError):
                raise error
            outcomes.append(error or f"accepted {event}")
        return outcomes


def run(tape: Tape, *events: str, hold: bool = True, **options: Any) -> list[Any]:
    """Submit all at once; with ``hold`` the first transaction ends only when the others wait."""

    async def scene() -> list[Any]:
        intake = Intake(tape.append, **options)  # type: ignore[arg-type]
        if hold:
            tape.gate.clear()
        tasks = [asyncio.create_task(intake.submit(event)) for event in events]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tape.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(scene())


def refuse_bad(event: str) -> Exception | None:
    return RefusedError("data", "is bad", rule="bad") if event.startswith("bad") else None


def test_a_lone_event_is_appended_at_once() -> None:
    tape = Tape()
    assert run(tape, "a", hold=False) == ["accepted a"]
    assert tape.groups == [["a"]]


def test_what_gathers_goes_into_one_transaction_in_order() -> None:
    tape = Tape()
    names = [f"e{i}" for i in range(50)]
    assert run(tape, *names) == [f"accepted {name}" for name in names]
    assert [name for group in tape.groups for name in group] == names
    assert len(tape.groups) <= 2


def test_a_group_has_a_greatest_size() -> None:
    tape = Tape()
    run(tape, *(f"e{i}" for i in range(25)), max_group=10)
    assert max(map(len, tape.groups)) == 10


def test_a_refusal_is_its_own_callers() -> None:
    outcomes = run(Tape(refuse_bad), "a", "bad1", "b", "bad2", "c")
    assert [str(one) for one in outcomes] == [
        "accepted a",
        "data: is bad",
        "accepted b",
        "data: is bad",
        "accepted c",
    ]


def test_a_database_that_does_not_answer_is_everybodys() -> None:
    outcomes = run(Tape(lambda _: UnavailableError("database is locked")), "a", "b")
    assert [type(one) for one in outcomes] == [UnavailableError, UnavailableError]


def test_an_unexpected_error_is_the_culprits_alone() -> None:
    tape = Tape(lambda event: ZeroDivisionError("a bug") if event == "odd" else None)
    outcomes = run(tape, "a", "odd", "b")
    assert outcomes[0] == "accepted a"
    assert isinstance(outcomes[1], ZeroDivisionError)
    assert outcomes[2] == "accepted b"


def test_too_many_waiting_are_pushed_back() -> None:
    outcomes = run(Tape(), *(f"e{i}" for i in range(8)), capacity=5)
    pushed_back = [one for one in outcomes if isinstance(one, UnavailableError)]
    assert len(pushed_back) == 3
    assert pushed_back[0].retry_after == 1
    assert [one for one in outcomes if not isinstance(one, Exception)] == [f"accepted e{i}" for i in range(5)]


def test_who_went_away_before_the_transaction_has_submitted_nothing() -> None:
    tape = Tape()

    async def scene() -> list[Any]:
        intake = Intake(tape.append)  # type: ignore[arg-type]
        tape.gate.clear()
        first = asyncio.create_task(intake.submit("first"))  # type: ignore[arg-type]
        while intake.waiting or not intake._worker:
            await asyncio.sleep(0)
        gone = asyncio.create_task(intake.submit("gone"))  # type: ignore[arg-type]
        stays = asyncio.create_task(intake.submit("stays"))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        gone.cancel()
        tape.gate.set()
        return await asyncio.gather(first, gone, stays, return_exceptions=True)

    outcomes = asyncio.run(scene())
    assert outcomes[0] == "accepted first"
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert outcomes[2] == "accepted stays"
    assert [name for group in tape.groups for name in group] == ["first", "stays"]


def test_a_gate_lets_so_many_in_and_no_more() -> None:
    gate = Gate(2)
    with gate.entered("a"), gate.entered("b"), pytest.raises(UnavailableError), gate.entered("c"):
        pass
    with gate.entered("a"), gate.entered("b"):
        pass


def test_one_party_leaves_half_of_the_places_to_others() -> None:
    gate = Gate(4)
    with gate.entered("a"), gate.entered("a"):
        with pytest.raises(UnavailableError, match="of this party"), gate.entered("a"):
            pass
        with gate.entered("b"), gate.entered("c"):
            pass
    with gate.entered("a"):
        pass


def test_a_gate_is_left_by_an_error_too() -> None:
    gate = Gate(1)
    with pytest.raises(ValueError, match="inside"), gate.entered("a"):
        raise ValueError("inside")
    with gate.entered("a"):
        pass


def test_the_intake_works_on_after_an_error() -> None:
    state = {"down": True}
    tape = Tape(lambda _: UnavailableError("down") if state["down"] else None)

    async def scene() -> str:
        intake = Intake(tape.append)  # type: ignore[arg-type]
        with pytest.raises(UnavailableError):
            await intake.submit("a")  # type: ignore[arg-type]
        state["down"] = False
        return str(await intake.submit("a"))  # type: ignore[arg-type]

    assert asyncio.run(scene()) == "accepted a"
