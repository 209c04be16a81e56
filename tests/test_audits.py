"""Audits as runs: asked for, performed by a job, kept, compared, and told of where something is new."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from ledger import audits, jobs
from ledger.audit import reportfile
from ledger.audit.findings import Evidence, Finding
from ledger.audit.perform import audit as perform
from ledger.audit.run import Request
from ledger.audits import KIND, Auditor
from ledger.chain.attestation import Attestation, SignedAttestation, Verdict
from ledger.domain.calendar import format_instant
from ledger.errors import NotFoundError, RefusedError, TooManyError, UndeterminedError
from ledger.jobs import Runner
from ledger.log import Ledger
from ledger.store import audits as rows
from ledger.store import logs, relays
from ledger.store import webhooks as hooks
from ledger.store.audits import AuditRow
from ledger.store.relays import RelayRow
from ledger.webhooks.endpoints import Endpoints
from ledger.webhooks.guard import Guard
from ledger.workers import auditing
from tests import book
from tests.conftest import TestClock
from tests.webhooks.receiving import LOOPBACK


class Bureau:
    """A pool of three loans, and who audits it."""

    def __init__(self, ledger: Ledger, clock: TestClock) -> None:
        self.ledger = ledger
        self.clock = clock
        self.auditor = Auditor(ledger)
        self.runner = Runner(ledger.store, ledger.origin, {KIND: self.auditor.perform}, clock=ledger.clock)
        ledger.append(list(book.loans(3)), party="fenqile")
        claims = [book.pledged("P", "bank-a", (f"L{n}", "c1", 1_000_000), id=f"p{n}") for n in range(3)]
        ledger.append([book.pool_created("P"), *claims], party="fenqile")
        ledger.publish()

    def start(self, **asked: object) -> AuditRow:
        self.clock.now += timedelta(seconds=1)
        with self.ledger.store.write() as connection:
            log = logs.get(connection, self.ledger.origin)
            given = {"party": "bank-a", **asked}
            return audits.start(connection, log, "P", now=self.clock(), **given)  # type: ignore[arg-type]

    def run(self, **asked: object) -> AuditRow:
        row = self.start(**asked)
        assert self.runner.step()
        return self.get(row.id)

    def get(self, audit_id: str) -> AuditRow:
        with self.ledger.store.read() as connection:
            return audits.get(connection, logs.get(connection, self.ledger.origin), audit_id)

    def all(self) -> list[AuditRow]:
        with self.ledger.store.read() as connection:
            return audits.listed(connection, logs.get(connection, self.ledger.origin), ["P"], limit=100)

    def report_below_contract(self, loan: str = "L1", rate: str = "0.05") -> None:
        """A servicer reports a rate that no record explains: a finding from then on."""
        data = {"tape": "ab" * 32, "place": "line 1", "currency": "CNY", "current_rate": rate}
        event = {
            "id": f"b-{loan}-{rate}", "type": "balance.reported", "subject": f"loan:{loan}", "effective": "2026-11-22",
            "party": "fenqile", "data": data,
        }  # fmt: skip
        self.ledger.append([event])
        self.ledger.publish()


@pytest.fixture
def bureau(sqlite_ledger: Ledger, clock: TestClock) -> Bureau:
    return Bureau(sqlite_ledger, clock)


def test_a_run_gives_the_report_that_an_audit_gives(bureau: Bureau) -> None:
    asked = bureau.start(as_of=date(2026, 11, 22))
    assert (asked.state, asked.party, asked.size, asked.summary) == ("queued", "bank-a", None, None)
    with bureau.ledger.store.read() as connection:
        log = logs.get(connection, bureau.ledger.origin)
        with pytest.raises(UndeterminedError, match="has no report: it is queued"):
            audits.report_file(connection, log, asked.id, view=None)
        assert audits.latest(connection, log, "P") is None
    assert bureau.runner.step()
    row = bureau.get(asked.id)
    direct = perform(
        bureau.ledger.store, bureau.ledger.origin, Request(pool="P", as_of=date(2026, 11, 22), processes=1),
        trust=bureau.ledger.trust_root(),
    )  # fmt: skip
    with bureau.ledger.store.read() as connection:
        assert audits.report_file(connection, log, row.id, view=None) == reportfile.encode(direct)
        assert audits.findings(connection, log, row.id, view=None) == direct.findings
        assert audits.latest(connection, log, "P") == row
    assert (row.state, row.size, row.ended) == ("done", direct.basis.size, format_instant(bureau.clock()))
    assert row.summary is not None
    assert row.summary["sha256"] == reportfile.digest(direct)
    assert row.summary["counts"] == direct.to_json()["counts"]
    assert row.summary["outcome"] == direct.to_json()["outcome"]


def test_what_cannot_be_audited_is_refused_at_once(bureau: Bureau) -> None:
    with bureau.ledger.store.write() as connection:
        log = logs.get(connection, bureau.ledger.origin)
        with pytest.raises(NotFoundError, match="no pool 'Q' in this log"):
            audits.start(connection, log, "Q", party="bank-a", now=bureau.clock())
        with pytest.raises(NotFoundError, match="no audit 'audit_0' in this log"):
            audits.get(connection, log, "audit_0")
    with pytest.raises(NotFoundError, match="size 3 is not published"):
        bureau.start(size=3)
    with pytest.raises(RefusedError, match="2026-11-24 has not come: the log's day is 2026-11-23"):
        bureau.start(as_of=date(2026, 11, 24))
    with pytest.raises(RefusedError, match="since: size 999 is later than"):
        bureau.start(since=999)
    for _ in range(jobs.MAX_UNFINISHED):
        bureau.start()
    with pytest.raises(TooManyError):
        bureau.start()
    assert bureau.start(party="bank-b").state == "queued"


def test_findings_that_the_run_before_had_not_are_opened_and_told_once(bureau: Bureau) -> None:
    ledger = bureau.ledger
    office = Endpoints(
        ledger.store, ledger.origin, vault=ledger.vault, guard=Guard(LOOPBACK), clock=ledger.clock
    )
    office.add("bank-a", "http://127.0.0.1:9/in", ["finding.opened"])
    first = bureau.run()
    bureau.report_below_contract()
    second = bureau.run()
    third = bureau.run()
    opened = [row.summary and row.summary["opened"] for row in (first, second, third)]
    with ledger.store.write() as connection:
        log = logs.get(connection, ledger.origin)
        found = {one.code for one in audits.findings(connection, log, second.id, view=None)}
        known = {one.code for one in audits.findings(connection, log, first.id, view=None)}
        told = hooks.take_unspread(connection, log.id, 10, now=format_instant(bureau.clock()))
    assert "rate.below_contract" in found - known
    assert opened[1:] == [len(found - known), 0]
    messages = [json.loads(one.payload)["data"] for one in told if one.type == "finding.opened"]
    about = {one["audit"]: one for one in messages}
    assert about.keys() <= {first.id, second.id}
    assert {one["code"] for one in about[second.id]["findings"]} == found - known
    assert about[second.id]["count"] == opened[1]
    assert {one.pool for one in told} == {"P"}


def test_the_plan_audits_what_is_new_once_and_not_too_often(bureau: Bureau) -> None:
    auditing(bureau.runner, bureau.auditor, every=0).step()
    assert bureau.all() == []
    loops = [auditing(bureau.runner, Auditor(bureau.ledger), every=600) for _ in range(2)]
    for loop in loops:
        loop.step()
    [row] = bureau.all()
    assert (row.state, row.party, row.size) == ("done", None, bureau.ledger.status().published)
    bureau.report_below_contract()
    loops[0].step()
    assert len(bureau.all()) == 1
    bureau.clock.now += timedelta(seconds=600)
    for loop in loops:
        loop.step()
    assert [one.size for one in bureau.all()] == [bureau.ledger.status().published, row.size]
    bureau.clock.now += timedelta(seconds=600)
    loops[0].step()
    assert len(bureau.all()) == 2


def test_runs_are_listed_newest_first_and_page(bureau: Bureau) -> None:
    ids = [bureau.start().id for _ in range(5)]
    with bureau.ledger.store.read() as connection:
        log = logs.get(connection, bureau.ledger.origin)
        found: list[str] = []
        after = None
        while page := audits.listed(connection, log, ["P", "Q"], after=after, limit=2):
            found += [row.id for row in page]
            after = (page[-1].created, page[-1].id)
        assert found == ids[::-1]
        assert audits.listed(connection, log, ["Q"], limit=2) == []
        assert audits.listed(connection, log, [], limit=2) == []


def attest(bureau: Bureau, row: AuditRow, *, evidence: str, state: str = "final", number: int = 0) -> None:
    """A party had an attestation relayed that names this digest and the run's size."""
    assert row.size is not None
    one = Attestation(
        log=b"\x01" * 32, size=row.size, root=b"\x02" * 32, subject="pool:P", scope="all of it", rules_version=1,
        evidence=bytes.fromhex(evidence), verdict=Verdict.CHECKED, signer=b"\x03" * 20, nonce=number, deadline=1,
    )  # fmt: skip
    signed = SignedAttestation(
        chain_id=31337, contract=b"\x04" * 20, attestation=one, signature=bytes([number]) * 65
    )
    relay = RelayRow(
        digest=signed.digest, pool="P", party="bank-a", signer=one.signer, number=number, file=signed.encode(),
        state=state, asked=format_instant(bureau.clock()), account=None, nonce=None, attempts=0, problem=None,
        transaction_hash=None, block_number=None, block_hash=None, block_time=None,
    )  # fmt: skip
    with bureau.ledger.store.write() as connection:
        assert relays.add(connection, logs.get(connection, bureau.ledger.origin).id, relay)


def digest_of(row: AuditRow) -> str:
    assert row.summary is not None
    return str(row.summary["sha256"])


def test_reports_are_kept_for_a_time_and_the_newest_and_attested_ones_for_ever(bureau: Bureau) -> None:
    attested = bureau.run()
    bureau.report_below_contract()
    of_size = bureau.run()
    bureau.report_below_contract("L2")
    disputed, newest = bureau.run(), bureau.run()
    attest(bureau, attested, evidence=digest_of(attested))
    attest(bureau, of_size, evidence="0e" * 32, number=1)
    attest(bureau, disputed, evidence=digest_of(disputed), state="failed", number=2)

    def kept(days: int) -> list[str]:
        """Runs that have a report once so many days have gone by."""
        bureau.clock.now += timedelta(days=days)
        auditing(bureau.runner, Auditor(bureau.ledger, kept=timedelta(days=30)), every=0).step()
        with bureau.ledger.store.read() as connection:
            log = logs.get(connection, bureau.ledger.origin)
            return [row.id for row in bureau.all() if rows.report(connection, log.id, row.id)][::-1]

    assert kept(29) == [attested.id, of_size.id, disputed.id, newest.id]
    assert kept(2) == [attested.id, of_size.id, newest.id]
    assert [row.summary for row in bureau.all()] == [
        row.summary for row in (newest, disputed, of_size, attested)
    ], "what they have found is counted on"
    assert len(kept(4_000)) == 3
    with bureau.ledger.store.read() as connection:
        log = logs.get(connection, bureau.ledger.origin)
        with pytest.raises(UndeterminedError, match="its time was over"):
            audits.report(connection, log, disputed.id, view=None)
    last = bureau.run()
    assert kept(0) == [attested.id, of_size.id, last.id], "a newer one takes the newest's place"


def finding(subject: str, *evidence: int, code: str = "cash.parts", claim: str | None = None) -> Finding:
    marks = tuple(Evidence(index, f"{index:064x}") for index in evidence)
    facts = {"paid": "1.00", "applied": "2.00", "difference": "-1.00", "currency": "CNY"}
    return Finding(code=code, subject=subject, claim=claim, facts=facts, evidence=marks)


def test_a_comparison_pairs_findings_by_code_and_place() -> None:
    a, b, c = finding("loan:A"), finding("loan:B"), finding("loan:B", claim="1")
    compared = audits.compare([a, b], [b, c])
    assert (compared.new, compared.gone, compared.standing) == ((c,), (a,), (b,))


def test_of_several_at_one_place_those_of_the_same_record_are_paired_first() -> None:
    one, two, three, four = (finding("loan:A", n) for n in (1, 2, 3, 4))
    compared = audits.compare([one, two], [two, three, four])
    # Two stands; one of the new two goes on from the one that is not there any more.
    assert (compared.new, compared.gone, compared.standing) == ((four,), (), (two, three))
    assert audits.compare([two, three, four], [four]).gone == (two, three)


def test_the_same_report_twice_changes_nothing(bureau: Bureau) -> None:
    bureau.report_below_contract()
    row = bureau.run()
    with bureau.ledger.store.read() as connection:
        log = logs.get(connection, bureau.ledger.origin)
        found = audits.findings(connection, log, row.id, view=None)
    compared = audits.compare(found, reversed(found))
    assert (compared.new, compared.gone, compared.standing) == ((), (), found)
    assert found


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three loans need no second process."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)
