"""How commands that ask a service for something show whose they are: an API key, and what signs requests with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ledger.cli.frame import read_file
from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ledger.mirror.remote import Remote

#: The variable that has the caller's API key.
API_KEY: Final = "POOLPROOF_API_KEY"

KeyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help=f"The API key for the service. [default: the variable {API_KEY}]"),
]
SigningKey = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The key that signs requests, where the API key is bound to one."),
]


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """Files that a caller named; nothing is read before something is asked."""

    key_file: Path | None
    signing_key: Path | None

    def remote(self, url: str) -> Remote:
        """The service at this address, asked with these keys."""
        from ledger.mirror.remote import Remote
        from ledger.vault import load_signer

        signer = None if self.signing_key is None else load_signer(self.signing_key)
        return Remote(url, self._key(), signer=signer)

    def _key(self) -> str | None:
        if self.key_file is None:
            return os.environ.get(API_KEY) or None
        key = read_file(self.key_file, "API key").decode("utf-8", "replace").strip()
        if not key:
            raise ConfigurationError(f"{self.key_file}: no API key in it")
        return key
