"""The errors of Poolproof: one small tree, each name saying the meaning, not the cause.

::

    PoolproofError
    ├── VerificationError      proved invalid: a step of a verification failed     exit 1
    │   └── InconsistencyError two signed views of one log exclude each other      exit 1
    ├── MalformedError         bytes that are not of the form they claim           exit 2
    ├── RefusedError           an event that the ledger must not accept            exit 2
    │   ├── UnreadableError    it is no JSON with one meaning                      exit 2
    │   └── TakenError         what it asks for is held by another record          exit 2
    ├── NotFoundError          no such event, claim, pool, size or file            exit 2
    ├── ConfigurationError     settings or key files that cannot work              exit 2
    ├── UndeterminedError      the inputs do not allow a verdict                   exit 3
    ├── UnavailableError       database, chain or disk does not answer now         exit 3
    │   ├── UnpublishedError   too much waits for the next checkpoint              exit 3
    │   └── TooManyError       this caller has asked for too much at a time        exit 3
    ├── UnauthorisedError      the caller may not do this                          exit 4
    └── IntegrityError         our own store contradicts itself                    exit 1

Foreign errors (SQL, web3, XML) stop at the boundary of the layer that calls them and become one of
these. ``exit_code`` is what the command line returns; the HTTP layer maps types to statuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PoolproofError(Exception):
    """Base of every error that Poolproof raises on purpose."""

    exit_code: ClassVar[int] = 1
    #: stable, machine-readable name of the kind; part of the public promise
    code: ClassVar[str] = "error"


class VerificationError(PoolproofError):
    """A step of a verification failed: the thing is proved not to be what it claims.

    ``step`` names the step as in the ladder of :mod:`ledger.proofs.verify`; ``evidence`` carries what a
    third party needs to see the same (checkpoints, roots, proofs), as JSON-ready values.
    """

    code = "verification_failed"

    def __init__(self, reason: str, *, step: str = "", evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{step}: {reason}" if step else reason)
        self.step = step
        self.reason = reason
        self.evidence: dict[str, Any] = dict(evidence or {})


class InconsistencyError(VerificationError):
    """Two signed views of one log exclude each other; ``evidence`` holds both and the failed proof."""

    code = "inconsistent_log"


class MalformedError(PoolproofError):
    """Bytes that are not of the form they claim. ``what`` names the format, ``reason`` the defect."""

    exit_code = 2
    code = "malformed"

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"malformed {what}: {reason}")
        self.what = what
        self.reason = reason


class RefusedError(PoolproofError):
    """An event that the ledger must not accept; nothing of it is stored.

    ``field`` is the path of the offending member (``data.amount``), ``rule`` a stable name such as
    ``unknown_subject``; ``line`` is set by readers of batches, counted from 1.
    """

    exit_code = 2
    code = "refused"

    def __init__(
        self,
        field: str,
        reason: str,
        *,
        rule: str = "wrong_form",
        details: Mapping[str, Any] | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason
        self.rule = rule
        self.details: dict[str, Any] = dict(details or {})
        self.line = line


class UnreadableError(RefusedError):
    """What was handed in as an event is no JSON that has one meaning, so that nothing in it could be judged."""

    code = "malformed"


class TakenError(RefusedError):
    """What the event asks for is held by another record, named in ``details`` (index, digest)."""

    code = "taken"


class NotFoundError(PoolproofError):
    """No such event, claim, pool, size or file."""

    exit_code = 2
    code = "not_found"


class ConfigurationError(PoolproofError):
    """Settings, key files or a database that cannot work as given; says what to change."""

    exit_code = 2
    code = "configuration"


class UndeterminedError(PoolproofError):
    """The inputs given do not allow a verdict; says what would.

    ``field`` is the path of the member that is missing or leaves it open (``data.first_due``), where there is one.
    """

    exit_code = 3
    code = "undetermined"

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


class UnavailableError(PoolproofError):
    """Database, chain or disk does not answer now; the same call may succeed later.

    ``retry_after`` is the number of seconds after which a retry makes sense.
    """

    exit_code = 3
    code = "unavailable"

    def __init__(self, reason: str, *, retry_after: int = 5) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UnpublishedError(UnavailableError):
    """So many entries wait for a checkpoint that no more are taken in before it: the same call succeeds after it."""


class TooManyError(UnavailableError):
    """The caller has asked for as much as one may at a time; others are served."""

    code = "too_many_requests"


class UnauthorisedError(PoolproofError):
    """The caller may not do this."""

    exit_code = 4
    code = "unauthorised"


class IntegrityError(PoolproofError):
    """Our own store contradicts itself: a digest, a tile or a root is not what the records give."""

    code = "integrity"
