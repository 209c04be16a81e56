"""Which form of an answer a caller would rather have (`RFC 9110 <https://www.rfc-editor.org/rfc/rfc9110>`_, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence


def best(header: str, offered: Sequence[str]) -> str:
    """The media type of ``offered`` that an ``Accept`` header likes best, the earlier of two that it likes alike.

    The first of them where it likes none, or says nothing: a caller that asks for something else is told something that
    it may not read, rather than nothing.
    """
    weights = dict(map(_weighed, filter(str.strip, header.split(","))))

    def weight(media_type: str) -> float:
        kind = media_type.partition("/")[0]
        return next((weights[one] for one in (media_type, f"{kind}/*", "*/*") if one in weights), 0.0)

    return max(offered, key=weight)


def _weighed(part: str) -> tuple[str, float]:
    media_type, *parameters = (one.strip().lower() for one in part.split(";"))
    quality = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
    try:
        return media_type, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return media_type, 0.0
