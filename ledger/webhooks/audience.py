"""Which party may be told of what: the same rule by which the API shows it."""

from __future__ import annotations

from ledger import issue
from ledger.errors import NotFoundError
from ledger.store import logs
from ledger.store.engine import ReadConnection
from ledger.store.logs import LogRow
from ledger.store.webhooks import MessageRow

#: Roles that see every pool of the log; others see those in which they hold a claim.
_OVERSEEING = frozenset({"originator", "servicer", "trustee", "auditor", "regulator"})


class Audience:
    """Answers for one transaction, each question asked once."""

    def __init__(self, connection: ReadConnection, log: LogRow) -> None:
        self._connection = connection
        self._log = log
        self._roles = {one.name: frozenset(one.roles) for one in logs.list_parties(connection, log.id)}
        self._known: dict[tuple[str, str], bool] = {}

    def may_see(self, party: str, message: MessageRow) -> bool:
        """Whether a message is for this party."""
        if message.party is not None:
            return party == message.party
        if message.pool is None:
            return party in self._roles
        question = (party, message.pool)
        if question not in self._known:
            self._known[question] = self._sees(*question)
        return self._known[question]

    def _sees(self, party: str, pool: str) -> bool:
        try:
            summary = issue.pool_summary(self._connection, self._log, pool)
        except NotFoundError:
            return False
        return party in summary.holders or bool(self._roles.get(party, frozenset()) & _OVERSEEING)
