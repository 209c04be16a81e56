"""Write the verification page as one HTML file that works offline: ``python scripts/verify_page.py [FILE]``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from api.portal.verify_page import SINGLE_FILE, single_file


def main(arguments: list[str]) -> None:
    """Write to the file named, or to ``verify.html`` here."""
    path = Path(arguments[0] if arguments else SINGLE_FILE)
    path.write_text(single_file(), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
