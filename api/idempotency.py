"""``Idempotency-Key``: a request that is sent again does nothing again, and is answered as it was.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

The first answer is kept for :data:`KEPT` under the party, its API key, method, path with query, and the key that the
client chose, with a digest of the body. The same again is answered with that answer and ``Idempotent-Replayed: true``;
another body under the same key with 422; a request that is still under way with 409 and ``Retry-After``. What was
refused or failed did nothing, is not kept, and may be tried again under its key.

A process that dies between doing and keeping leaves the key without an answer. It is not done again then: 409 says to
look whether it was done. Events are told apart by their own ids, so what brings them in is done again.

A route takes :data:`Key` and lets :meth:`Keyed.once` do what it does.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import problems
from ledger.domain.calendar import format_instant, parse_instant
from ledger.store import answers
from ledger.vault import seal_bytes, unseal_bytes

if TYPE_CHECKING:
    from pydantic import BaseModel

    from api.services import Services
    from ledger.access import Caller
    from ledger.store.answers import AnswerRow

KEPT: Final = timedelta(hours=24)
#: What is under way for longer was lost with its process: a request has no longer than this.
UNDER_WAY: Final = timedelta(seconds=120)
#: Headers of an answer that belong to it and not to the moment.
_HEADERS: Final = ("content-type", "location", "content-disposition", "preference-applied")


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request, and the key that its client gave it."""

    request: Request
    key: str | None

    async def once(
        self,
        caller: Caller,
        digest: Callable[[], bytes],
        act: Callable[[], Awaitable[Response]],
        *,
        repeatable: bool = False,
    ) -> Response:
        """What ``act`` answers, done once for this key and the body of this ``digest``.

        ``repeatable``: done a second time it does nothing, so where the answer was lost it is done again.
        """
        if self.key is None:
            return await act()
        here: Services = self.request.app.state.services
        place, given = self._place(caller), digest()
        standing = await run_in_threadpool(_begin, here, place, given, repeatable=repeatable)
        if standing is not None:
            return await run_in_threadpool(self._again, here, standing, place, given)
        try:
            answer = await act()
        except BaseException:
            await run_in_threadpool(_release, here, place)
            raise
        if answer.status_code < 400:
            await run_in_threadpool(_keep, here, place, answer)
        else:
            await run_in_threadpool(_release, here, place)
        return answer

    def _place(self, caller: Caller) -> bytes:
        scope = self.request.scope
        told = [
            caller.party, caller.key_id, self.request.method, scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"), self.key,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(told).encode()).digest()

    def _again(self, here: Services, standing: AnswerRow, place: bytes, digest: bytes) -> Response:
        request_id = self.request.state.request_id
        if standing.digest != digest:
            detail = "Idempotency-Key: it was used for another body; a new request takes a new key"
            return problems.response(problems.body("idempotency_mismatch", detail, request_id=request_id))
        if standing.status is not None:
            return _replayed(here, standing, place)
        if not _is_lost(standing, here.ledger.clock()):
            detail, headers = "Idempotency-Key: this request is under way", {"Retry-After": "1"}
        else:
            detail = "Idempotency-Key: the answer was lost; look whether it was done, and take a new key"
            headers = {}
        return problems.response(
            problems.body("idempotency_conflict", detail, request_id=request_id), headers
        )


def digest_of(document: BaseModel) -> bytes:
    """Of a document that was asked for, whatever its spelling."""
    return hashlib.sha256(document.model_dump_json().encode()).digest()


def _begin(here: Services, place: bytes, digest: bytes, *, repeatable: bool) -> AnswerRow | None:
    now = here.ledger.clock()
    log_id = here.ledger.row().id
    times = {"now": format_instant(now), "expires": format_instant(now + KEPT)}
    with here.ledger.store.write() as connection:
        standing = answers.begin(connection, log_id, place, digest=digest, **times)
        if standing is None or standing.digest != digest or not (repeatable and _is_lost(standing, now)):
            return standing
        # Of several that come for it at once, one begins anew, and the others find it under way.
        return None if answers.take_over(connection, place, begun=standing.begun, **times) else standing


def _is_lost(row: AnswerRow, now: datetime) -> bool:
    """Whether no answer can come any more from whoever began it."""
    return row.status is None and now - parse_instant(row.begun) >= UNDER_WAY


def _keep(here: Services, place: bytes, answer: Response) -> None:
    headers = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
    head = json.dumps(headers).encode()
    secret, wrapped = here.ledger.vault.new_secret(place.hex())
    plain = zlib.compress(len(head).to_bytes(4, "big") + head + bytes(answer.body))
    sealed = seal_bytes(secret, place.hex(), plain)
    with here.ledger.store.write() as connection:
        answers.settle(connection, place, status=answer.status_code, secret=wrapped, answer=sealed)


def _replayed(here: Services, row: AnswerRow, place: bytes) -> Response:
    assert row.secret is not None
    assert row.answer is not None
    assert row.status is not None
    secret = here.ledger.vault.unwrap(bytes(row.secret), place.hex())
    plain = zlib.decompress(unseal_bytes(secret, place.hex(), bytes(row.answer)))
    length = int.from_bytes(plain[:4], "big")
    headers = json.loads(plain[4 : 4 + length])
    return Response(plain[4 + length :], row.status, {**headers, "idempotent-replayed": "true"})


def _release(here: Services, place: bytes) -> None:
    with here.ledger.store.write() as connection:
        answers.release(connection, place)


async def _keyed(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=r'^("[\x20\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})$',
            description="A name that the client gives this request, new for each: the same again is done once."
            " Kept for 24 hours.",
        ),
    ] = None,
) -> Keyed:
    key = idempotency_key
    return Keyed(request, key[1:-1] if key is not None and key.startswith('"') else key)


Key = Annotated[Keyed, Depends(_keyed)]
