"""What pages load from this server: each file under a name that holds its digest, so that it may be kept for ever.

``portal.css`` is served as ``/assets/portal.3f9a1c2e7b40.css``. Another content has another name; a page names the
one that it was made with. There is no build step: the files are sent as they lie in ``static``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

PREFIX: Final = "/assets/"
#: 48 bits tell versions of one file apart; nobody gains by making two of the same name.
_DIGITS: Final = 12
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    name: str
    content: bytes
    media_type: str


@cache
def _assets() -> tuple[dict[str, Asset], dict[str, Asset]]:
    """By the name on the disk, and by the name that is served."""
    by_file: dict[str, Asset] = {}
    for item in resources.files("api.portal").joinpath("static").iterdir():
        stem, dot, ending = item.name.rpartition(".")
        if item.is_file() and dot + ending in _MEDIA_TYPES:
            content = item.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:_DIGITS]
            by_file[item.name] = Asset(f"{stem}.{digest}.{ending}", content, _MEDIA_TYPES[dot + ending])
    return by_file, {asset.name: asset for asset in by_file.values()}


def address(file: str) -> str:
    """Where a file of ``static`` is served; raises :class:`KeyError` for one that is not there."""
    return PREFIX + _assets()[0][file].name


def served(name: str) -> Asset | None:
    """The asset of this served name."""
    return _assets()[1].get(name)
