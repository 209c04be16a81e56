"""A world with a loan and a pool, and what must be true of every refusal: the book is unchanged."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ledger.domain.events import Submission
from ledger.errors import RefusedError
from tests.domain.examples import World, signed

KEY_A, KEY_B = "aa" * 32, "bb" * 32


def refused(world: World, item: Submission | str, **changes: Any) -> RefusedError:
    before = copy.deepcopy(world.book)
    index = world.index
    with pytest.raises(RefusedError) as error:
        world.admit(item, **changes)
    assert world.book == before, "a refused event changed the book"
    world.index = index
    return error.value


def release(**changes: Any) -> Submission:
    return signed("claim.released", **changes)


@pytest.fixture
def world() -> World:
    return World().with_loan(keys={"a": KEY_A, "b": KEY_B}).with_pool()
