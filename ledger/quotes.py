"""Values within sentences: quoted so that they can be found again, and taken out where a sentence is kept.

Whoever hands something in that is refused is told what was wrong with it, with the value. What is stored of a refusal,
or shown to others than the sender, has the value's shape alone: a name or a number typed into the wrong member may be
somebody's.
"""

from __future__ import annotations

import json
import re
from typing import Final

#: What :func:`in_quotes` prints.
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


def in_quotes(value: str, most: int = 40) -> str:
    """A value in quotes, as JSON has it, cut after ``most`` characters."""
    return json.dumps(value if len(value) <= most else value[: most - 1] + "…", ensure_ascii=False)


def without_values(sentence: str) -> str:
    """A sentence with the shape of each quoted value in its place: ``"Wang 138"`` becomes ``"Aaaa 999"``."""
    return _QUOTED.sub(lambda found: f'"{_shape(json.loads(found[0], strict=False))}"', sentence)


def _shape(value: str) -> str:
    return "".join(map(_kind, value))


def _kind(char: str) -> str:
    """Letters and digits by their kind; of the rest what ASCII has, but for quotes, which end the value."""
    if char.isdigit():
        return "9"
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return char if char == "…" or (char.isascii() and char.isprintable() and char not in '"\\') else "?"
