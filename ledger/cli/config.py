"""``poolproof config``: every setting, its value and where it came from."""

from __future__ import annotations

from ledger.cli.frame import Json, Output, command_group, example

commands = command_group("Settings.")


@commands.command(epilog=example("poolproof config", "POOLPROOF_PORT=9000 poolproof config --json"))
def config(as_json: Json = False) -> None:
    """Show every setting and where it came from.

    Settings come from POOLPROOF_* variables, else from config.toml in the home, else they have their default.
    The passphrase is never shown.
    """
    from ledger.settings import Settings, explain

    settings = Settings.load()
    rows = explain(settings)
    lines = []
    for row in rows:
        lines += [
            f"{row['variable']}={row['value'] or ''}  ({row['source']})",
            f"    {row['meaning']} [{row['unit']}]",
        ]
    derived = {"keys": str(settings.keys), "config_file": str(settings.config_file)}
    lines += ["", *(f"{name}: {value}" for name, value in derived.items())]
    Output(as_json).show({"settings": rows, **derived}, *lines)
