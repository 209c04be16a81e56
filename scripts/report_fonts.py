"""Write the Chinese fonts of the PDF reports into ``ledger/audit/render/fonts/``.

``python scripts/report_fonts.py FOLDER``, where FOLDER is the unpacked npm package ``@expo-google-fonts/noto-serif-sc``
(0.4.3 was used), in an environment that has fonttools. Two fonts are made: the regular weight with all of GB 2312 and
some letters that are frequent in names, and a strong weight with what our own words need. Both are without hints and
compressed, so that the repository and the wheel carry 2 MB instead of 30.
"""

from __future__ import annotations

import lzma
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from ledger.audit.catalogue import PROCEDURES
from ledger.audit.render import fonts, words

#: fontTools writes the font's own time of change when it is told to keep it, so that two runs give equal bytes.
_KEEP_TIME = False


def make(source: Path, chars: Collection[str], family: str) -> bytes:
    """The font ``source`` with ``chars`` alone, as a font of its own family in the regular weight."""
    font = TTFont(source, recalcTimestamp=_KEEP_TIME)
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.drop_tables += ["DSIG", "vhea", "vmtx", "VORG", "GSUB", "GPOS", "GDEF"]
    options.name_IDs = [0, 1, 2, 3, 4, 6, 13, 14]
    job = subset.Subsetter(options)
    job.populate(unicodes=[ord(one) for one in chars])
    job.subset(font)
    names = {1: family, 2: "Regular", 3: family, 4: family, 6: family.replace(" ", "-")}
    for number, text in names.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = 400
    font["OS/2"].fsSelection = font["OS/2"].fsSelection & ~0b100001 | 0b1000000
    font["head"].macStyle = 0
    with tempfile.TemporaryDirectory() as folder:
        font.save(Path(folder) / "font.ttf", reorderTables=True)
        return (Path(folder) / "font.ttf").read_bytes()


def main(source: Path) -> None:
    """Write both fonts and the licence."""
    own = "".join(one.zh for one in PROCEDURES.values()) + words.all_chinese()
    wanted = {
        fonts.TEXT: ("400Regular/NotoSerifSC_400Regular.ttf", fonts.chinese()),
        fonts.STRONG: ("600SemiBold/NotoSerifSC_600SemiBold.ttf", fonts.chinese() & set(own)),
    }
    for family, (file, chars) in wanted.items():
        data = lzma.compress(make(source / file, chars, family), preset=9 | lzma.PRESET_EXTREME)
        (fonts.FOLDER / fonts.file_name(family)).write_bytes(data)
        print(f"{family}: {len(chars)} characters, {len(data):,} bytes")
    holder = TTFont(source / wanted[fonts.TEXT][0])["name"].getDebugName(0)
    licence = (source / "LICENSE_FONT").read_text().partition("\n")[2]
    (fonts.FOLDER / "OFL.txt").write_text(
        f"Noto Serif SC, of which these fonts are subsets: {holder}\n{licence}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
