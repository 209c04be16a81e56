"""The page on which a visitor's own browser verifies files: as a page with modules, and as one file.

The verifier is plain ES modules in ``static/verify``, sent as they are: there is no build step, so that what runs is
what can be read. :func:`single_file` puts the same modules, the style sheet and the markup into one HTML file that
works from a disk without a network. It is made when asked for and not committed, so that the two cannot differ.
Modules are joined by leaving out their imports and exports; that needs names that are unique over all of them, which
is checked.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from functools import cache
from importlib import resources
from typing import Final

#: The name of the one file, here and on the visitor's disk.
SINGLE_FILE: Final = "verify.html"
_ENTRY: Final = "page.js"
_STYLE: Final = "verify.css"
_MEDIA_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

#: No text of a file can become a script: markup is never made from strings, and the browser holds us to it.
_NO_MARKUP: Final = "require-trusted-types-for 'script'; trusted-types 'none'"
#: A host that the visitor names as the chain node to ask: by https, or on the visitor's own machine.
NODE: Final = re.compile(
    r"https://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?|http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?"
)

_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_TOP_LEVEL: Final = re.compile(r"^(?:async )?(?:function|class|const|let) ([A-Za-z_$][\w$]*)", re.MULTILINE)
_LINK: Final = '<link rel="stylesheet" href="/verify/verify.css">'
_SCRIPT: Final = '<script type="module" src="/verify/page.js"></script>'


def policy(node: str | None = None) -> str:
    """The page's content security policy. It reaches this server, for the trust root, and ``node``, if it is given.

    ``node`` MUST match :data:`NODE` whole.
    """
    reached = "'self'" if node is None else f"'self' {node}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src {reached}; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; {_NO_MARKUP}"
    )


def page() -> str:
    """The page's markup; its style and modules are at ``/verify/<name>``."""
    return _read(SINGLE_FILE)


@cache
def assets() -> dict[str, tuple[bytes, str]]:
    """The bytes and the media type of each file that the page loads, by name."""
    folder = resources.files("api.portal").joinpath("static", "verify")
    return {
        item.name: (item.read_bytes(), _MEDIA_TYPES[item.name[item.name.rindex(".") :]])
        for item in folder.iterdir()
        if item.name.endswith(tuple(_MEDIA_TYPES))
    }


@cache
def single_file() -> str:
    """The whole page as one HTML file. Its own policy allows its one script and style, by digest, and no network."""
    style, script = _read(_STYLE), _joined()
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        f"base-uri 'none'; form-action 'none'; {_NO_MARKUP}"
    )
    markup = page()
    for old, new in (
        (_LINK, f"<style>{style}</style>"),
        (_SCRIPT, f'<script type="module">{script}</script>'),
        ('<html lang="en">', '<html lang="en" data-offline>'),
        ('<a class="home" href="/">', '<a class="home">'),  # there is no portal around a file
        (
            '<meta charset="utf-8">',
            f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">',
        ),
    ):
        if markup.count(old) != 1:
            raise ValueError(f"{SINGLE_FILE} does not hold {old} once")
        markup = markup.replace(old, new)
    return markup


def _joined() -> str:
    """All modules as one, each after those that it imports."""
    done: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        source = _read(name)
        for imported in _IMPORT.findall(source):
            visit(imported)
        done[name] = re.sub(r"^export ", "", _IMPORT.sub("", source), flags=re.MULTILINE)

    visit(_ENTRY)
    result = "\n".join(done.values())
    twice = [name for name, count in Counter(_TOP_LEVEL.findall(result)).items() if count > 1]
    left = re.findall(r"^(?:import|export)\b.*", result, re.MULTILINE)
    if twice or left or "</script" in result:
        raise ValueError(f"the modules do not join: {twice} stand in two of them; left over: {left}")
    return result


def _read(name: str) -> str:
    return resources.files("api.portal").joinpath("static", "verify", name).read_text("utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
