"""What settings say about themselves: for `poolproof config`, and for the table in docs/settings.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic.fields import FieldInfo

from ledger.settings.model import Settings
from ledger.settings.sources import from_environment, from_file, variable


def explain(settings: Settings, environ: Mapping[str, str] | None = None) -> list[dict[str, str | None]]:
    """Each setting with its value (secrets hidden) and where that came from, for `poolproof config`."""
    environment = from_environment(os.environ if environ is None else environ, Settings.model_fields)
    file = from_file(settings.config_file, Settings.model_fields)
    rows: list[dict[str, str | None]] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        source = "environment" if name in environment else "config.toml" if name in file else "default"
        shown = None if value is None else _shown(name, str(value))
        rows.append(
            {"name": name, "variable": variable(name), "value": shown, "source": source, **facts(field)}
        )
    return rows


def as_markdown() -> str:
    """The table in docs/settings.md."""
    lines = ["| variable | meaning | unit | default | reason |", "|---|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        fact = facts(field)
        default = "" if fact["default"] is None else f"`{fact['default']}`"
        lines.append(
            f"| `{variable(name)}` | {fact['meaning']} | {fact['unit']} | {default} | {fact['reason']} |"
        )
    return "\n".join(lines) + "\n"


def facts(field: FieldInfo) -> dict[str, str | None]:
    """What a setting's field says about itself: meaning, unit, default, reason."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    default = None if field.default is None else str(field.default)
    return {
        "meaning": field.description,
        "unit": str(extra["unit"]),
        "default": default,
        "reason": str(extra["reason"]),
    }


def _shown(name: str, value: str) -> str:
    """A value fit for a terminal or a log: no password, and no key in an endpoint's path."""
    if name == "rpc_url":
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    head, at, rest = value.rpartition("@")
    scheme, separator, user = head.partition("://")
    return (
        f"{scheme}{separator}{user.partition(':')[0]}{at}{rest}" if at and name == "database_url" else value
    )
