"""Where values come from: variables of the environment and a TOML file. What names no setting is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from ledger.errors import ConfigurationError

PREFIX: Final = "POOLPROOF_"
#: Read by commands that need no home (`poolproof verify`, `poolproof audit --from`): they take no setting.
OTHER_VARIABLES: Final = {
    "POOLPROOF_API_KEY": "the API key of `audit --from` and `attest --relay URL` where `--key-file` is not given",
    "POOLPROOF_TRUST": "the trust root that `poolproof verify` takes where `--trust` is not given",
}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def from_environment(environ: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Values by the names that are ``known``. An empty variable counts as not set, as in most tools."""
    found = {}
    for key, value in environ.items():
        if not key.startswith(PREFIX) or key in OTHER_VARIABLES:
            continue
        name = key.removeprefix(PREFIX).lower()
        if name not in known or variable(name) != key:
            raise ConfigurationError(f"{key}: no such setting; `poolproof config` lists them")
        if value:
            found[name] = value
    return found


def from_file(path: Path, known: Collection[str]) -> dict[str, object]:
    """Values by the names that are ``known``; none where there is no file."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    for name in values:
        if name not in known or name == "home":
            raise ConfigurationError(f"{path}: {name}: no setting that this file may carry")
    return values
