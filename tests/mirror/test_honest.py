"""With an honest server a partner finds what the log's owner finds, by what it may see alone."""

from __future__ import annotations

from pathlib import Path

from ledger.audit.findings import Outcome
from tests.api.conftest import Site
from tests.mirror.conftest import Partner, owners_report


def test_a_partner_finds_what_the_owner_finds(site: Site, bank: Partner, kek: Path) -> None:
    own, theirs = owners_report(site, kek, "A"), bank.check("A")
    assert own.findings, "an empty book would show nothing"
    assert theirs.findings == own.findings
    assert theirs.totals == own.totals
    assert theirs.numbers == own.numbers
    assert theirs.basis == own.basis


def test_what_a_partner_does_not_see_is_said_and_is_undetermined(
    site: Site, bank: Partner, kek: Path
) -> None:
    report = bank.check("A")
    assert report.sees == (
        "10 records: the pool's, those of 2 loans that are or were in it, of the accounts they were paid to, the log's",
        "not shown, by digest only: 10 records of others",
    )
    own = {one.name: one for one in owners_report(site, kek, "A").procedures}
    changed = {one.name for one in report.procedures if one.outcome != own[one.name].outcome}
    assert changed == {"days"}
    theirs = {one.name: one for one in report.procedures}
    assert theirs["days"].outcome is Outcome.UNDETERMINED
    assert "loans of other pools are not shown" in theirs["duplicates"].reasons


def test_who_oversees_the_log_mirrors_all_of_it(site: Site, tmp_path: Path, kek: Path) -> None:
    auditor = Partner(site, "auditor", tmp_path, site.ledger.trust_root())
    report = auditor.check("A")
    assert report == owners_report(site, kek, "A")
