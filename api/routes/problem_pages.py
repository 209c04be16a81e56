"""The pages of problems: what the ``type`` of an error points to, for readers, terminals and programs."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from api import accept, openapi, problems, schemas
from api.answers import as_json
from api.portal import pages, problem_kinds, problem_page
from api.portal.words import Words
from ledger.errors import NotFoundError

router = APIRouter(tags=["operation"])

#: What a page can be had as; the first for whoever takes anything.
_OFFERED: Final = ("text/plain", "text/html", "application/json")
_VARY: Final = {"Vary": "Accept"}


def _english(code: str) -> problem_kinds.Explained:
    return problem_kinds.explained(code, Words("en"))


@router.get(
    "/problems/{code}",
    operation_id="problem_page",
    summary="What a problem means",
    responses=openapi.responses(
        {
            200: openapi.either(
                openapi.answer(schemas.ProblemKind, "What it means, when it comes and what to do."),
                openapi.text("", "text/plain", problem_kinds.as_text(_english("taken"))),
                openapi.text("", "text/html", "<!doctype html>…"),
            )
        },
        "not_found",
    ),
)
async def problem_kind(request: Request, code: Annotated[str, Path(examples=["taken"])]) -> Response:
    """The page that the `type` of a problem points to: a page for browsers, JSON for `Accept: application/json`, else
    plain text.
    """
    if code not in problems.KINDS:
        raise NotFoundError("no such problem")
    wanted = accept.best(request.headers.get("accept", ""), _OFFERED)
    if wanted == "application/json":
        return as_json(problem_kinds.document(_english(code)), headers=_VARY)
    if wanted == "text/plain":
        text = problem_kinds.as_text(_english(code))
        return Response(text, headers=_VARY, media_type="text/plain; charset=utf-8")
    viewer = await problem_page.whoever(request)
    words = Words(viewer.language)
    kinds = [problem_kinds.explained(one, words) for one in problems.KINDS]
    chosen = next(one for one in kinds if one.code == code)
    page = pages.render(request, "problem_kind.html", viewer, kind=chosen, kinds=kinds)
    page.headers["Vary"] = f"{pages.HEADERS['Vary']}, Accept"
    return page
