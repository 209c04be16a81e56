"""A later check fetches what is new, a broken one goes on where it stopped, neither believes what lies on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import ConfigurationError, UnavailableError, VerificationError
from ledger.mirror.folder import Folder
from tests.api.conftest import Site, disbursed, originated, pledged, repaid
from tests.mirror.conftest import Partner, alone, owners_report

site = pytest.fixture(alone)


def go_on(site: Site) -> None:
    """A payment, and a loan that was there before and comes into the pool only now."""
    site.ledger.append([repaid("L2", 2), pledged("A", "L5")], party="fenqile")
    site.ledger.publish()


def test_a_later_check_fetches_what_is_new(site: Site, bank: Partner, kek: Path) -> None:
    for one in (originated("L5"), disbursed("L5", "55" * 32), repaid("L5")):
        site.ledger.append([one], party="fenqile")
    site.ledger.publish()
    first = bank.check("A")
    size = first.basis.size
    assert first.findings == owners_report(site, kek, "A").findings
    files = {file for file in bank.home.rglob("*") if file.is_file()}
    go_on(site)
    later = bank.check("A")
    assert later.numbers["loans"] == 3
    assert later == _as_seen(later, owners_report(site, kek, "A", since=size))
    assert files <= {file for file in bank.home.rglob("*") if file.is_file()}
    asked = bank.asked
    assert sum(path.endswith("/pages") for path in asked) == 1, "of the one register that is new"
    assert sum(path.endswith("/records") for path in asked) == 2, (
        "the new range, and the loan's older records"
    )
    bank.check("A")
    assert [path for path in bank.asked if "/tile/" in path or "/mirror/" in path] == ["/v1/mirror/pools/A"]


def _as_seen(theirs: Any, own: Any) -> Any:
    """The owner's report in what a partner sees of it: its words, and the procedures that cross pools, are its own."""
    from dataclasses import replace

    mine = {one.name: one for one in theirs.procedures}
    crossing = {"duplicates", "days", "records", "confirmation"}
    procedures = tuple(mine[one.name] if one.name in crossing else one for one in own.procedures)
    return replace(own, sees=theirs.sees, procedures=procedures)


@pytest.mark.parametrize(("after", "grows"), [(2, False), (5, True), (7, False)])
def test_a_check_that_broke_off_goes_on(
    site: Site, bank: Partner, kek: Path, after: int, grows: bool
) -> None:
    answered: list[str] = []

    def break_off(path: str, _params: Mapping[str, Any], body: bytes) -> bytes:
        if len(answered) == after:
            raise UnavailableError("the line is dead")
        answered.append(path)
        return body

    with pytest.raises(UnavailableError):
        bank.check("A", tamper=break_off)
    if grows:
        site.ledger.append([repaid("L2", 2)], party="fenqile")
        site.ledger.publish()
    report = bank.check("A")
    assert report.findings == owners_report(site, kek, "A").findings
    kept = [path for path in answered if "/tile/" in path or path.endswith(("/pages", "/records"))]
    if not grows:
        assert not set(kept) & set(bank.asked), "what is there is not asked for again"


def test_what_lies_on_the_disk_is_not_believed(bank: Partner) -> None:
    bank.check("A")
    [bundle] = [file for file in bank.home.glob("tile/entries/*.p/*") if file.is_file()]
    data = bundle.read_bytes()
    bundle.write_bytes(data[:10] + bytes([data[10] ^ 1]) + data[11:])
    with pytest.raises(VerificationError) as caught:
        bank.check("A")
    assert caught.value.step == "tree"


def test_a_directory_is_of_one_log(bank: Partner) -> None:
    bank.check("A")
    with pytest.raises(ConfigurationError, match="mirrors the log"):
        Folder.open(bank.home, "other.example/log")


def test_an_earlier_size_can_be_audited(site: Site, bank: Partner, kek: Path) -> None:
    size = site.ledger.checkpoint_sizes()[0]
    bank.check("A")
    earlier = bank.check("A", size=size)
    assert earlier.asked.since == 0  # not where the later audit ended: no register would be followed
    assert earlier.findings == owners_report(site, kek, "A", size=size).findings
