"""The fonts of the PDF: never the system's, so that a report looks the same everywhere and is archived whole.

Latin text is set in the fonts that the typesetter carries, Chinese in the subsets beside this (Noto Serif SC, under the
SIL Open Font License; ``scripts/report_fonts.py`` makes them). A character that neither has is printed as ``[U+9F98]``:
PDF/A allows no glyph that stands for a missing one, and nothing may vanish.
"""

from __future__ import annotations

import lzma
from functools import lru_cache
from pathlib import Path
from typing import Final

from ledger.errors import UnavailableError

FOLDER: Final = Path(__file__).parent / "fonts"
#: Families: running text, and what our own words need in a strong weight.
TEXT: Final = "Poolproof Song"
STRONG: Final = "Poolproof Song Strong"
#: Frequent in the names of firms and people, and not in GB 2312.
_NAMES: Final = "喆珺堃昇赟旸垚犇翀玥珮琤瑀璟璠祎祺禛稑筠芃苡茜荻菡萱蓁蕙薏頔颢骉鋆銮镕陞霈韬飏馨鹭麒黛"
#: What Libertinus Serif, the typesetter's own font, has of the Latin, Greek and Cyrillic scripts.
_LATIN: Final = (
    *(range(0x20, 0x7F), range(0xA1, 0xAD), range(0xAE, 0x180), range(0x391, 0x3A2), range(0x3A3, 0x3AA)),
    *(range(0x3B1, 0x3CA), range(0x410, 0x450), range(0x2013, 0x2015), range(0x2018, 0x201F)),
    *(range(0x2020, 0x2023), (0x2026, 0x2030, 0x2032, 0x2033, 0x20AC, 0x2212, 0xA0)),
)


@lru_cache(maxsize=1)
def latin() -> frozenset[str]:
    """Characters that the typesetter's own font has."""
    return frozenset(chr(one) for some in _LATIN for one in some)


@lru_cache(maxsize=1)
def chinese() -> frozenset[str]:
    """Characters of the Chinese font: ideographs, kana and signs of GB 2312, and :data:`_NAMES`."""
    found = set(_NAMES)
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            try:
                one = bytes((row, cell)).decode("gb2312")
            except UnicodeDecodeError:
                continue
            if not 0x2500 <= ord(one) < 0x2580:  # lines that draw boxes belong to no text
                found.add(one)
    return frozenset(found - latin())


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """What either font has; put together once, not for each text of a report."""
    return latin() | chinese()


def spelled(text: str) -> str:
    """``text`` with each character that the fonts lack as its code, and breaks of lines as spaces."""
    known = _known()
    flat = " ".join(text.splitlines())
    return "".join(one if one in known else f"[U+{ord(one):04X}]" for one in flat)


def file_name(family: str) -> str:
    """The compressed font's file."""
    return f"{family.replace(' ', '')}.ttf.xz"


@lru_cache(maxsize=2)
def _unpacked(path: Path) -> bytes:
    """A font of some megabytes; a service that sets many reports unpacks it once."""
    return lzma.decompress(path.read_bytes())


def unpack(folder: Path) -> None:
    """Write the fonts where the typesetter looks. Raises :class:`UnavailableError` where one is absent or broken."""
    for family in (TEXT, STRONG):
        try:
            data = _unpacked(FOLDER / file_name(family))
        except (OSError, lzma.LZMAError) as error:
            raise UnavailableError(f"the font {family} of the PDF report cannot be read: {error}") from error
        (folder / file_name(family)).with_suffix("").write_bytes(data)
