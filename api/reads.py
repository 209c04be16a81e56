"""Reading for a caller: one snapshot, cut to what the caller may see, and a note of it in the access log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ledger import access
from ledger.reading import Reader
from ledger.store import logs

if TYPE_CHECKING:
    from api.services import Services
    from ledger.access import Caller


def is_own(caller: Caller, party: str | None) -> bool:
    """Whether a system asks for what its own party posted: it may, and learns nothing from it that would be noted.

    Acceptances and receipts are fetched so by the thousand. A person's look is noted whatever it is at.
    """
    return party in (None, caller.party) and caller.person is None


@contextmanager
def reading(here: Services, caller: Caller) -> Iterator[Reader]:
    """What a caller is shown, all of one moment."""
    with here.ledger.store.read() as connection:
        yield Reader(connection, logs.get(connection, here.ledger.origin), caller)


def note(here: Services, reader: Reader, *, subject: str, what: str) -> None:
    """Keep that a caller read of a loan or of a pool's loans, once its answer is made; other subjects are no loans."""
    if subject.startswith(("loan:", "pool:")):
        access.note_read(
            here.ledger.store,
            reader.log.id,
            reader.caller,
            subject=subject,
            what=what,
            now=here.ledger.clock(),
        )
