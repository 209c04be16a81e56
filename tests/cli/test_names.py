"""Names of pools and loans are understood with the prefix that reports print, wherever a command takes one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command

import ledger.cli
from tests.cli.running import Run, data, ndjson, opened, pledged
from tests.cli.test_pools import RULES


def parameters(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Each parameter of each command that is a name of a pool or of a loan, with where it stands."""
    for child in getattr(command, "commands", {}).values():
        yield from parameters(child, f"{name} {child.name}".strip())
    for one in command.params:
        options = {"--pool", "--loan"} & set(one.opts)
        if one.metavar in {"POOL", "LOAN", "CLAIM"} or options:
            yield f"{name} {''.join(options) or one.metavar}", one


NAMED = dict(parameters(get_command(ledger.cli.app)))


def test_every_command_that_takes_a_name_is_among_them() -> None:
    known = {"audit POOL", "loan show LOAN", "pool show POOL", "prove claim CLAIM", "reconcile --pool"}
    assert known <= NAMED.keys()
    assert len(NAMED) > 15


@pytest.mark.parametrize("place", NAMED)
def test_one_prefix_is_taken_off(place: str) -> None:
    one = NAMED[place]
    prefix = "pool:" if "pool" in place.rpartition(" ")[2].lower() else "loan:"
    many = one.nargs == -1
    context = typer.Context(get_command(ledger.cli.app))
    for given, bare in ((f"{prefix}X", "X"), ("X", "X"), (f"{prefix}{prefix}X", f"{prefix}X")):
        understood = one.callback(context, one, [given] if many else given)
        assert understood == ([bare] if many else bare)


def test_what_a_report_prints_can_be_asked_for(log: Run) -> None:
    log("pool", "create", "pool:W1", "--rules", RULES, "--effective", "2026-03-01")
    log("append", "-", stdin=ndjson(opened("L1"), pledged("e1", "W1", "L1")))
    log("publish")
    for bare, printed in (
        (("pool", "show", "W1"), ("pool", "show", "pool:W1")),
        (("loan", "show", "L1"), ("loan", "show", "loan:L1")),
        (("prove", "claim", "L1/1"), ("prove", "loan:L1/1")),
        (("breaks", "list", "W1"), ("breaks", "pool:W1")),
    ):
        assert data(log(*bare, "--json")) == data(log(*printed, "--json"))
    assert "no loan 'loan:L1'" in log("loan", "show", "loan:loan:L1", code=2).stderr
