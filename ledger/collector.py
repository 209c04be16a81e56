"""Python's search for reference cycles, and when it is not worth its time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: Objects that are made before the collector looks at them. With Python's own 700 it looks hundreds of times while a
#: command loads its libraries, and finds nothing.
_YOUNG_OBJECTS: Final = 20_000


@contextmanager
def collector_of_a_command() -> Iterator[None]:
    """For all that a process does: fewer searches, and none when it ends, since the system takes everything back.

    Without it a short command spends a quarter of its time on them.
    """
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
    try:
        yield
    finally:
        gc.freeze()


def leave_to_the_process() -> None:
    """What is there now stays until the process ends: no search walks over it again.

    For a service that has loaded and made what it is made of: a search for what its requests leave behind is short.
    """
    gc.freeze()


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
