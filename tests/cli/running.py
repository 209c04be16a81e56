"""Running commands in this process, and events to run them on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.testing
from typer.main import get_command
from typer.testing import CliRunner, Result

from ledger.cli import app

ORIGIN = "bank.example/pool-2026"
Run = Callable[..., Result]

# Typer's runner makes the tree of all commands anew for each call, which takes longer than most of them; a process
# that runs one command makes it once too.
typer.testing._get_command = cache(get_command)


def run_command(*args: object, code: int | None = 0, stdin: str | bytes | None = None) -> Result:
    """Run a command and hold it to its exit code; None for any."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], input=stdin, prog_name="poolproof")
    if isinstance(result.exception, Exception):
        raise result.exception
    assert code in (None, result.exit_code), f"exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
    return result


def use_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Let this be the home, whether it is there or not; no setting of the machine's is in the way."""
    for name in [name for name in os.environ if name.startswith("POOLPROOF_")]:
        patch.delenv(name)
    patch.setenv("POOLPROOF_HOME", str(home))


def data(result: Result) -> Any:
    """What a command printed with --json."""
    return json.loads(result.stdout)


def opened(name: str, **changes: Any) -> dict[str, Any]:
    """A seasoned loan with one claim."""
    return {
        "id": f"{name}:opened",
        "type": "loan.opened",
        "subject": f"loan:{name}",
        "effective": "2026-03-01",
        "party": "lender",
        "data": {
            "as_of": "2026-02-28",
            "basis": "asserted",
            "balances": {"principal": "207.10"},
            "claims": [{"claim": "1", "creditor": "lender", "share": 1_000_000}],
            "currency": "CNY",
            "principal": "1000.00",
            "oldest_unpaid": None,
            "remaining_instalments": None,
        },
    } | changes


def pool(name: str) -> dict[str, Any]:
    """A pool without rules."""
    return {
        "id": f"{name}:created",
        "type": "pool.created",
        "subject": f"pool:{name}",
        "effective": "2026-03-01",
        "party": "lender",
        "data": {"rules": {"version": 1}, "structure": "warehouse", "currency": "CNY"},
    }


def pledged(event_id: str, pool_name: str, *loans: str) -> dict[str, Any]:
    """A pledge of the whole claim of each loan to the fund."""
    return {
        "id": event_id,
        "type": "claim.pledged",
        "subject": f"pool:{pool_name}",
        "effective": "2026-03-02",
        "party": "lender",
        "data": {"holder": "fund", "claims": [{"loan": loan, "claim": "1"} for loan in loans]},
    }


def ndjson(*events: dict[str, Any]) -> str:
    """Events as a file."""
    return "".join(json.dumps(event) + "\n" for event in events)
