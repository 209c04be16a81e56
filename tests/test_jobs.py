"""Jobs: taken once, given back, lost with their worker and taken again, and never ended by two."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import jobs
from ledger.domain.calendar import format_instant
from ledger.errors import NotFoundError, RefusedError, TooManyError, UnavailableError
from ledger.jobs import Progress, Runner
from ledger.log import Ledger
from ledger.store import WriteConnection, logs, shared_time
from ledger.store import jobs as queue
from ledger.store.jobs import JobRow
from ledger.workers import Loop, Workers
from tests.conftest import TestClock


class Office:
    """The queue of one log, and workers on it."""

    def __init__(self, ledger: Ledger, clock: TestClock) -> None:
        self.ledger = ledger
        self.clock = clock
        with ledger.store.read() as connection:
            self.log_id = logs.get(connection, ledger.origin).id
        self.done: list[str] = []

    def add(self, job_id: str, party: str | None = "fenqile") -> None:
        self.clock.now += timedelta(seconds=1)
        with self.ledger.store.write() as connection:
            assert queue.add(
                connection, self.log_id, job_id, kind="test", party=party, request={"n": job_id},
                created=format_instant(self.clock()),
            )  # fmt: skip

    def get(self, job_id: str) -> JobRow:
        with self.ledger.store.read() as connection:
            found = queue.get(connection, self.log_id, job_id)
        assert found is not None
        return found

    def let_run_out(self, job_id: str) -> None:
        """Let time pass until the lease is over, on SQLite; PostgreSQL's own clock is not moved, so the lease is."""
        if self.ledger.store.is_sqlite:
            self.clock.now += jobs.LEASE + timedelta(seconds=1)
            return
        with self.ledger.store.write() as connection:
            job = queue.get(connection, self.log_id, job_id)
            assert job is not None
            past = shared_time(connection, self.clock()) - timedelta(seconds=1)
            assert queue.renew(connection, job, lease=format_instant(past))

    def runner(self, work: Callable[[JobRow, Progress], Any] = lambda _job, _progress: None) -> Runner:
        def handler(job: JobRow, progress: Progress) -> Callable[[WriteConnection], dict[str, Any]]:
            result = work(job, progress)
            self.done.append(job.id)
            return lambda _connection: {"result": result}

        return Runner(self.ledger.store, self.ledger.origin, {"test": handler}, clock=self.clock)


@pytest.fixture
def office(sqlite_ledger: Ledger, clock: TestClock) -> Office:
    return Office(sqlite_ledger, clock)


@pytest.fixture
def both(ledger: Ledger, clock: TestClock) -> Office:
    """On SQLite and on PostgreSQL."""
    return Office(ledger, clock)


def test_jobs_are_done_in_their_order_and_once(office: Office) -> None:
    for name in ("b", "a", "c"):
        office.add(name)
    runner = office.runner(lambda job, _progress: job.request["n"] * 2)
    assert [runner.step() for _ in range(4)] == [True, True, True, False]
    assert office.done == ["b", "a", "c"]
    job = office.get("a")
    assert (job.state, job.result, job.problem, job.taken, job.lease) == (
        "done", {"result": "aa"}, None, None, None,
    )  # fmt: skip


def test_many_workers_share_the_queue(both: Office) -> None:
    for n in range(12):
        both.add(f"job-{n:02}")

    def work(runner: Runner) -> None:
        while runner.step():
            pass

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, both.runner()) for _ in range(4)]:
            future.result()
    # One that found only jobs that others were just taking goes home early; nobody does one twice.
    work(both.runner())
    assert sorted(both.done) == [f"job-{n:02}" for n in range(12)]
    assert {both.get(f"job-{n:02}").attempts for n in range(12)} == {1}


def test_a_job_whose_worker_died_is_taken_again_after_the_lease(both: Office) -> None:
    both.add("a")
    with both.ledger.store.write() as connection:  # a worker that takes it and says no more
        now = shared_time(connection, both.clock())
        lease = format_instant(now + jobs.LEASE)
        dead = queue.take(connection, both.log_id, ["test"], now=format_instant(now), lease=lease)
    assert dead is not None
    assert not both.runner().step()
    both.let_run_out("a")
    assert both.runner().step()
    assert both.get("a").attempts == 2
    with both.ledger.store.write() as connection:  # it was not dead, but slow
        assert not queue.note_progress(connection, dead, "late", 1, 2)
        assert not queue.renew(connection, dead, lease=lease)
        assert not queue.end(connection, dead, now=lease, result={"result": "late"})
    assert both.get("a").result == {"result": None}


def test_the_databases_clock_decides_between_machines(
    fresh_postgres: str, make_ledger: Callable[[str], Ledger]
) -> None:
    """A worker whose machine is hours ahead takes no job from another; one that is behind lets none lie."""
    ledger = make_ledger(fresh_postgres)
    ahead, behind = TestClock(), TestClock()
    ahead.now, behind.now = (datetime.now(UTC) + timedelta(hours=n) for n in (3, -3))
    office, other = Office(ledger, behind), Office(ledger, ahead)
    office.add("a")

    def work(_job: JobRow, progress: Progress) -> str:
        assert not other.runner().step()
        progress("still mine", 1, 1)
        return "mine"

    assert office.runner(work).step()
    assert office.get("a").result == {"result": "mine"}
    office.add("b")
    with ledger.store.write() as connection:  # taken on the machine that is ahead, which then died
        now = shared_time(connection, ahead())
        taken = queue.take(
            connection, office.log_id, ["test"], now=format_instant(now), lease=format_instant(now + jobs.LEASE)
        )  # fmt: skip
    assert taken is not None
    assert not office.runner().step()
    office.let_run_out("b")
    assert office.runner().step()


def test_who_lost_a_job_stores_nothing_of_it(office: Office) -> None:
    office.add("a")
    other = office.runner(lambda _job, _progress: "other")

    def slow(_job: JobRow, progress: Progress) -> str:
        office.clock.now += jobs.LEASE + timedelta(seconds=1)
        assert other.step()
        progress("never seen", 1, 1)
        raise AssertionError

    assert office.runner(slow).step()
    assert (office.get("a").result, office.get("a").stage) == ({"result": "other"}, "")
    office.add("b")

    def late(_job: JobRow, _progress: Progress) -> str:
        office.clock.now += jobs.LEASE + timedelta(seconds=1)
        assert other.step()
        return "late"

    assert office.runner(late).step()
    assert office.get("b").result == {"result": "other"}


def test_a_worker_that_lives_renews_its_lease(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RENEW_SECONDS", 0.01)
    office.add("a")
    renewed = threading.Event()

    def work(job: JobRow, _progress: Progress) -> None:
        office.clock.now += jobs.LEASE / 2
        for _ in range(1_000):
            lease = office.get("a").lease
            assert job.lease is not None
            assert lease is not None
            if lease > job.lease:
                renewed.set()
                break
            renewed.wait(0.01)
        office.clock.now += jobs.LEASE / 2
        assert not office.runner().step()

    assert office.runner(work).step()
    assert renewed.is_set()
    assert office.get("a").state == "done"


def test_what_takes_its_worker_down_is_given_up(office: Office) -> None:
    office.add("a")
    for attempt in range(1, jobs.MAX_ATTEMPTS + 1):
        with office.ledger.store.write() as connection:
            now = office.clock()
            taken = queue.take(
                connection, office.log_id, ["test"], now=format_instant(now), lease=format_instant(now + jobs.LEASE)
            )  # fmt: skip
            assert taken is not None
            assert taken.attempts == attempt
        office.clock.now += jobs.LEASE + timedelta(seconds=1)
    assert office.runner().step()
    job = office.get("a")
    assert (job.state, job.problem) == (
        "failed", {"code": "internal", "detail": "given up: its worker died 3 times"},
    )  # fmt: skip
    assert office.done == []


def test_a_job_fails_with_the_reason(office: Office) -> None:
    office.add("a")
    office.add("b")
    refusal = RefusedError("data.amount", "is not", rule="wrong_form", line=7, details={"index": 3})

    def work(job: JobRow, _progress: Progress) -> None:
        raise refusal if job.id == "a" else ValueError("a secret of ours")

    runner = office.runner(work)
    assert runner.step()
    assert runner.step()
    assert office.get("a").problem == {
        "code": "refused", "detail": "data.amount: is not", "field": "data.amount", "rule": "wrong_form", "line": 7,
        "details": {"index": 3},
    }  # fmt: skip
    problem = office.get("b").problem
    assert problem is not None
    assert problem["code"] == "internal"
    assert "secret" not in problem["detail"]


def test_what_is_not_available_now_is_tried_again_and_not_counted(office: Office) -> None:
    office.add("a")
    faults: list[Exception] = [UnavailableError("the disk is full")] * 5

    def work(_job: JobRow, _progress: Progress) -> None:
        if faults:
            raise faults.pop()

    runner = office.runner(work)
    for _ in range(5):
        with pytest.raises(UnavailableError):
            runner.step()
        assert (office.get("a").state, office.get("a").attempts) == ("queued", 0)
    assert office.get("a").problem == {"code": "unavailable", "detail": "it waits and is tried again"}
    assert runner.step()
    assert (office.get("a").state, office.get("a").problem) == ("done", None)


def test_progress_is_told_by_stage(office: Office) -> None:
    office.add("a")
    seen: list[tuple[str, int, int, int]] = []

    def work(_job: JobRow, progress: Progress) -> None:
        for stage, done in (("entries", 0), ("entries", 1), ("loans", 5)):
            progress(stage, done, 10)
            now = office.get("a")
            seen.append((now.stage, now.done, now.of, now.changes))

    assert office.runner(work).step()
    # The second word about the entries came too soon after the first to be worth a write.
    assert seen == [("entries", 0, 10, 2), ("entries", 0, 10, 2), ("loans", 5, 10, 3)]
    assert office.get("a").changes == 4


def test_a_stop_gives_the_job_back(office: Office) -> None:
    office.add("a")
    begun, stopped = threading.Event(), threading.Event()

    def work(_job: JobRow, progress: Progress) -> None:
        begun.set()
        assert stopped.wait(30)
        progress("never", 1, 1)
        raise AssertionError

    runner = office.runner(work)
    workers = Workers([Loop(name="test", step=runner.step, pause=0.01, give_up=runner.give_up)])
    workers.start()
    assert begun.wait(30)
    workers.stop()
    stopped.set()
    workers.join()
    job = office.get("a")
    assert (job.state, job.attempts, job.taken) == ("queued", 0, None)
    assert not runner.step()
    assert office.runner().step()


def test_a_party_may_not_fill_the_queue(office: Office) -> None:
    for n in range(jobs.MAX_UNFINISHED):
        office.add(f"job-{n}")
    with office.ledger.store.write() as connection:
        jobs.check_room(connection, office.log_id, "bank-a")
        with pytest.raises(TooManyError, match="20 jobs of fenqile have not ended"):
            jobs.check_room(connection, office.log_id, "fenqile")
    assert office.runner().step()
    with office.ledger.store.write() as connection:
        jobs.check_room(connection, office.log_id, "fenqile")


def test_old_jobs_are_forgotten(office: Office) -> None:
    office.add("a")
    runner = office.runner()
    assert runner.step()
    with office.ledger.store.write() as connection:
        created = format_instant(office.clock())
        queue.add(
            connection, office.log_id, "cut-off", kind="test", party=None, request={}, created=created,
            state="receiving",
        )  # fmt: skip
        queue.put_part(connection, "cut-off", "body", 0, b"half of it")
    office.clock.now += jobs.RECEIVED_WITHIN + timedelta(minutes=1)
    assert not runner.step()  # what is still being received is nobody's to take
    with office.ledger.store.read() as connection:
        assert queue.get(connection, office.log_id, "cut-off") is None
        assert list(queue.parts(connection, "cut-off", "body")) == []
    assert office.get("a").state == "done"
    office.clock.now += jobs.KEPT
    assert not runner.step()
    with office.ledger.store.read() as connection:
        assert queue.get(connection, office.log_id, "a") is None


def test_a_log_that_moved_works_on_nothing(office: Office) -> None:
    office.add("a")
    with office.ledger.store.write() as connection:
        logs.close(connection, successor="elsewhere", moved=format_instant(office.clock()))
    assert not office.runner().step()
    assert office.get("a").state == "queued"
    with pytest.raises(NotFoundError):
        Runner(office.ledger.store, "other.example/log", {}, clock=office.clock).step()
