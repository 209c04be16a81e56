"""A batch of events and its report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from fastapi.responses import Response

from api import outcomes, problems
from ledger.errors import RefusedError, TakenError

if TYPE_CHECKING:
    from api.services import Services


def append(
    here: Services, lines: list[bytes], party: str, on_error: Literal["abort", "report"], request_id: str
) -> Response:
    """Append ``lines`` as one transaction and report what became of each.

    Raises :class:`RefusedError` for the first refused line with ``abort``; nothing is stored then.
    """
    try:
        found = outcomes.append(here.ledger, lines, party=party, on_error=on_error)
    except RefusedError as error:
        here.metrics.refused(error.rule)
        raise
    accepted: list[bytes] = []
    rejected: list[dict[str, Any]] = []
    repeats = 0
    taken = any(isinstance(one, TakenError) for one in found)
    published = here.ledger.row().published if taken else 0
    for line, outcome in enumerate(found, 1):
        if isinstance(outcome, RefusedError):
            here.metrics.refused(outcome.rule)
            rejected.append(problems.refusal(outcome, request_id=request_id, published=published))
        else:
            repeats += outcome.repeated
            flag = b"true" if outcome.repeated else b"false"
            # The acceptance goes in as the bytes that were signed.
            accepted.append(
                b'{"line":%d,"repeated":%b,"acceptance":%b}' % (line, flag, outcome.acceptance.rstrip(b"\n"))
            )
    fresh = len(accepted) - repeats
    here.metrics.accepted(repeated=False, count=fresh)
    here.metrics.accepted(repeated=True, count=repeats)
    counts = {"accepted": fresh, "repeated": repeats, "rejected": len(rejected)}
    report = b'{"counts":%b,"accepted":[%b],"rejected":%b}\n' % (
        json.dumps(counts).encode(),
        b",".join(accepted),
        json.dumps(rejected, ensure_ascii=False).encode("utf-8", "backslashreplace"),
    )
    return Response(report, status_code=201 if fresh else 200, media_type="application/json")
