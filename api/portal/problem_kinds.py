"""What each kind of problem means, when it comes and what to do: the pages that the ``type`` of a problem points to.

Readers get a page in their language, programs the same words in English, as text or as JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from api import problems
from api.portal.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A kind of problem by its ``code``, in one language."""

    code: str
    status: int
    title: str
    meaning: str
    when: str
    next: str


def explained(code: str, words: Words) -> Explained:
    """The kind of this code, which is one of :data:`api.problems.KINDS`."""
    return Explained(
        code=code,
        status=problems.KINDS[code].status,
        title=words.term("problem_title", code),
        meaning=words.term("problem_meaning", code),
        when=words.term("problem_when", code),
        next=words.term("problem_next", code),
    )


def as_text(kind: Explained) -> str:
    """For a terminal."""
    return (
        f"{kind.title}\n\ncode: {kind.code}\nstatus: {kind.status}\n\n{kind.meaning}\n\n"
        f"When it comes: {kind.when}\n\nWhat to do: {kind.next}\n"
    )


def document(kind: Explained) -> dict[str, Any]:
    """For a program."""
    return {"type": f"/problems/{kind.code}", **asdict(kind)}
