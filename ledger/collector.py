"""Python's search for reference cycles, and when it is not worth its time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for cycles while the block runs; what falls out of use is freed at once all the same.

    For work on many objects that live until it is done and hold no cycle: the collector would walk over all of them
    again and again (for a fifth of the time that a bulk append takes). Threads that do such work at the same time
    may end each other's pause, which costs that time and nothing else.
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()
