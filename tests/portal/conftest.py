"""A real server with the portal, a real browser, and pages that may not complain."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from api.sessions import COOKIE
from tests.api.conftest import make_site
from tests.api.test_log import serving
from tests.databases import sqlite_in
from tests.portal.site import Book, site

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests/vectors/documents.json").read_bytes())
#: The shell first: it opens a page in less than half the time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
#: What chromium needs inside a container, and what keeps it from calling home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Opens a page by its address, language, width and colour scheme.
Opener = Callable[..., Page]


# Not for the whole session: while Playwright runs, no other test of the process can start an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip("no chromium on this machine: pages are not tested in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the service answers, over an empty log."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("portal")))
    with site.client, serving(site) as address:
        yield address
    site.ledger.store.close()


@dataclass(frozen=True)
class Portal:
    """The portal over a small simulated book, and how to look at it as each kind of reader."""

    book: Book
    address: str

    def cookies(self, kind: str) -> list[Any]:
        """The session of a kind of reader, as a browser keeps it."""
        value = self.book.cookies[kind]
        return [{"name": COOKIE, "value": value, "url": self.address, "httpOnly": True, "sameSite": "Lax"}]


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Made once: a simulation of some seconds."""
    with site(tmp_path_factory.mktemp("book")) as book, serving(book) as address:
        yield Portal(book, address)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """Pages whose console stays silent: a message, an error or a violated policy fails the test."""
    contexts, said = [], []

    def opened(
        url: str, *, language: str = "en-GB", width: int = 1280, scheme: Any = "light", cookies: Sequence[Any] = (),
        bypass_csp: bool = False,
    ) -> Page:  # fmt: skip
        context = browser.new_context(
            locale=language,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            bypass_csp=bypass_csp,
        )
        context.add_cookies(list(cookies))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def give(page: Page, *files: tuple[str, str | bytes]) -> None:
    """Choose files, as a visitor does, and wait until they were looked at."""
    page.set_input_files(
        "#files",
        [
            {
                "name": name,
                "mimeType": "application/json",
                "buffer": content.encode() if isinstance(content, str) else content,
            }
            for name, content in files
        ],
    )


TRUST = ("trust.json", VECTORS["trust"]["file"])


def vector(kind: str, case: str) -> str:
    """A file of the golden vectors by the name of its case."""
    return next(str(one["file"]) for one in VECTORS[kind] if one["case"] == case)
