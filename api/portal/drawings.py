"""A proof drawn as the way of an entry through the tree: leaf below, root above, beside the way what is hashed in.

Like charts it is drawn for a wide and for a narrow page; a style sheet shows one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from api.portal.models.records import Path, Sibling

_ROW: Final = 62
_BOX: Final = 26
_EDGE: Final = 10


@dataclass(frozen=True, slots=True)
class _Canvas:
    """One size: where the way and its siblings stand, how wide a box is, how many digits it shows."""

    name: str
    width: int
    beside: int
    box: int
    digits: int


_CANVASES: Final = (_Canvas("wide", 640, 215, 176, 16), _Canvas("narrow", 340, 116, 104, 8))


def tree_path(path: Path, *, title: str, entries: str, leaf: str, root: str) -> Markup:
    """Both drawings. ``title`` says what is shown; ``entries`` is a text with {first} and {last}; ``leaf`` and ``root``
    are the words beside the ends.
    """
    return Markup("").join(
        Markup('<svg class="tree-path {}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
            canvas.name, canvas.width, _height(path), title,
            Markup("").join(_draw(canvas, path, entries, leaf, root)),
        )
        for canvas in _CANVASES
    )  # fmt: skip


def _height(path: Path) -> int:
    return _ROW * len(path.nodes)


def _draw(canvas: _Canvas, path: Path, entries: str, leaf: str, root: str) -> Iterator[Markup]:
    middle = canvas.width // 2
    top = [_height(path) - _ROW * (at + 1) + 4 for at in range(len(path.nodes))]
    for at, sibling in enumerate(path.siblings):
        x = middle - canvas.beside if sibling.left else middle + canvas.beside
        join = top[at] - _EDGE
        yield _edge("edge", [(x, top[at]), (x, join), (middle, join)])
        yield _edge("way", [(middle, top[at]), (middle, top[at + 1] + _BOX)])
        yield _box(canvas, x, top[at], sibling.hash, "")
        yield _text(x, top[at] + _BOX + 13, _covered(entries, sibling))
    for at, node in enumerate(path.nodes):
        yield _box(canvas, middle, top[at], node, "own" if at in {0, len(path.nodes) - 1} else "")
    ends = ((top[0], leaf), (top[-1], root)) if path.siblings else ((top[0], f"{leaf} · {root}"),)
    for y, word in ends:
        yield _text(middle, y + _BOX + 12, word) if y == top[0] else _beside(canvas, middle, y, word)


def _covered(entries: str, sibling: Sibling) -> str:
    """Which entries a sibling covers; one alone by its number."""
    if sibling.first == sibling.last:
        return entries.partition("{first}")[0] + f"{sibling.first:,}"
    return entries.format(first=f"{sibling.first:,}", last=f"{sibling.last:,}")


def _beside(canvas: _Canvas, middle: int, y: int, word: str) -> Markup:
    return Markup('<text class="soft" x="{}" y="{}">{}</text>').format(
        middle + canvas.box // 2 + 8, y + 17, word
    )


def _box(canvas: _Canvas, x: int, y: int, digest: str, css: str) -> Markup:
    half = canvas.box // 2
    return Markup(
        '<g class="{}"><rect x="{}" y="{}" width="{}" height="{}" rx="5"/>'
        '<text x="{}" y="{}" text-anchor="middle">{}…</text></g>'
    ).format(css, x - half, y, canvas.box, _BOX, x, y + 17, digest[: canvas.digits])


def _text(x: int, y: int, text: str) -> Markup:
    return Markup('<text class="soft" x="{}" y="{}" text-anchor="middle">{}</text>').format(x, y, text)


def _edge(css: str, points: list[tuple[int, int]]) -> Markup:
    way = "M" + "L".join(f"{x},{y}" for x, y in points)
    return Markup('<path class="{}" d="{}"/>').format(css, way)
