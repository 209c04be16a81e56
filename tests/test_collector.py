from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ledger.collector import collector_of_a_command, collector_paused, leave_to_the_process


@pytest.fixture
def kept() -> Iterator[None]:
    """These tests' own collector is left as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)


class Node:
    """Holds itself: only the collector frees it."""

    freed = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Node.freed += 1


def test_a_command_searches_seldom_and_not_at_its_end(kept: None) -> None:
    usual = gc.get_threshold()
    with pytest.raises(KeyError), collector_of_a_command():
        assert gc.isenabled()
        assert gc.get_threshold()[0] > usual[0]
        node = Node()
        del node
        raise KeyError
    freed = Node.freed
    gc.collect()
    assert Node.freed == freed


def test_what_a_service_is_made_of_stays_and_what_it_leaves_behind_goes() -> None:
    made = Node()
    leave_to_the_process()
    freed = Node.freed
    del made
    behind = Node()
    del behind
    gc.collect()
    assert Node.freed == freed + 1


def test_a_pause_ends_whatever_happens() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_who_paused_it_before_keeps_it_paused() -> None:
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
