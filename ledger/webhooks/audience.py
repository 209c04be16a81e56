"""Which party may be told of what: the same rule by which the API shows it (:mod:`ledger.access`)."""

from __future__ import annotations

from ledger import access
from ledger.errors import NotFoundError
from ledger.store import logs
from ledger.store.engine import ReadConnection
from ledger.store.logs import LogRow
from ledger.store.webhooks import MessageRow


class Audience:
    """Answers for one transaction, each question asked once."""

    def __init__(self, connection: ReadConnection, log: LogRow) -> None:
        self._connection = connection
        self._log = log
        self._parties = {one.name for one in logs.list_parties(connection, log.id)}
        self._views: dict[str, access.View] = {}
        self._known: dict[tuple[str, str], bool] = {}

    def may_see(self, party: str, message: MessageRow) -> bool:
        """Whether a message is for this party."""
        if message.party is not None:
            return party == message.party
        if message.pool is None:
            return party in self._parties
        question = (party, message.pool)
        if question not in self._known:
            self._known[question] = self._sees(*question)
        return self._known[question]

    def _sees(self, party: str, pool: str) -> bool:
        if party not in self._views:
            asking = access.caller(self._connection, self._log.id, party, ())
            self._views[party] = access.View(self._connection, self._log, asking)
        try:
            self._views[party].pool(pool)
        except NotFoundError:
            return False
        return True
