"""`audit --from` as a partner types it: no home, a trust root of its own, and exit codes that say what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.audit import sample
from ledger.cli.service import API_KEY
from ledger.store import logs
from ledger.vault import load_signer
from tests.api.conftest import Site, make_site, new_key
from tests.cli.running import data, run_command, use_home
from tests.databases import sqlite_in
from tests.mirror.conftest import fill
from tests.mirror.test_books import served
from tests.tapes.mappings import BALANCES


@dataclass(frozen=True)
class Service:
    url: str
    site: Site


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("mirrored")))
    fill(site)
    with served(site.ledger) as url:
        yield Service(url, site)
    site.ledger.store.close()


@pytest.fixture
def desk(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A folder with a trust root and a key, on a machine without a home."""
    use_home(monkeypatch, tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    Path("trust.json").write_bytes(service.site.ledger.trust_root().encode())
    monkeypatch.setenv(API_KEY, service.site.tokens["bank"])
    return service


def test_a_partner_audits_without_a_home(desk: Service) -> None:
    command = ("audit", "A", "--from", desk.url, "--trust", "trust.json", "--processes", 1)
    shown = run_command(*command, "-o", "a.report.json", "--html", "a.html", code=1)
    assert "cash.parts" in shown.stdout
    assert "the chain" not in shown.stderr, "the trust root names none"
    assert data(run_command(*command, "--json", code=1))["numbers"]["loans"] == 2
    assert {"a.report.json", "a.html", "poolproof-mirror", "trust.json"} == {
        one.name for one in Path().iterdir()
    }
    assert "cash.parts" in run_command("report", "a.report.json", code=None).stdout


def test_a_partner_watches_without_a_home(desk: Service) -> None:
    command = ("watch", "A", "--from", desk.url, "--trust", "trust.json", "--once")
    seen = data(run_command(*command, "--json", code=3))  # the trust root names no chain
    assert ([one["loan"] for one in seen["came"]], seen["left"], seen["findings"]) == (["L1", "L2"], [], [])
    assert "came" not in run_command(*command, "--since", seen["size"], code=3).stdout
    assert "was shown before" in run_command(*command, "--since", seen["size"] + 1, code=1).stderr
    assert "--trust" in run_command(*command[:4], "--once", code=2).stderr


def test_a_watch_goes_on_where_nothing_answers(desk: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("ledger.mirror.remote._wait", lambda _attempt, _told: 0.0)
    command = ("watch", "A", "--from", "http://127.0.0.1:9", "--trust", "trust.json", "--every", 7)
    shown = run_command(*command, code=130)
    assert (slept, shown.stderr.count("nothing could be looked at")) == ([7, 7], 2)
    assert "nothing could be looked at" not in run_command(*command, "--once", code=3).stderr


def test_the_key_comes_from_a_file(desk: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API_KEY)
    Path("key").write_text(desk.site.tokens["fund"] + "\n")
    ask = ("audit", "B", "--from", desk.url, "--trust", "trust.json", "--into", "b")
    assert "Authorization" in run_command(*ask, code=4).stderr
    run_command(*ask, "--key-file", "key", code=3)
    Path("empty").write_text("\n")
    assert "no API key in it" in run_command(*ask, "--key-file", "empty", code=2).stderr


def test_what_a_partner_may_not_see_is_not_there(desk: Service) -> None:
    ask = ("audit", "--from", desk.url, "--trust", "trust.json")
    assert "no pool 'B'" in run_command(*ask, "B", code=2).stderr
    assert "no pool 'nobody'" in run_command(*ask, "nobody", code=2).stderr
    assert not Path("poolproof-mirror", "tile").exists(), "nothing is fetched for nothing"


def test_a_key_for_something_else_is_not_enough(desk: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_KEY, new_key(desk.site.ledger, "bank", "read"))
    ask = ("audit", "A", "--from", desk.url, "--trust", "trust.json")
    assert "not for audit" in run_command(*ask, code=4).stderr


def test_a_tape_is_laid_beside_the_mirror_and_stays_here(desk: Service) -> None:
    Path("tape.toml").write_text(BALANCES)
    Path("tape.csv").write_text("loan,as of,balance\nL1,2026-11-21,11500.00\nL2,2026-11-21,11800.00\n")
    before = desk.site.ledger.row().size
    ask = ("audit", "A", "--from", desk.url, "--trust", "trust.json", "--processes", 1)
    document = data(run_command(*ask, "--tape", "tape.csv", "--mapping", "tape.toml", "--json", code=1))
    found = {one["subject"]: one for one in document["findings"] if one["code"] == "break.open"}
    assert list(found) == ["loan:L1"], "two payments of 200.00 were recorded, 500.00 are gone by the file"
    assert found["loan:L1"]["facts"]["derived"] == "11600.00 CNY"
    assert found["loan:L1"]["facts"]["owner"] == "fenqile"
    plain = data(run_command(*ask, "--json", code=1))
    assert not any(one["code"] == "break.open" for one in plain["findings"])
    assert desk.site.ledger.row().size == before


def test_where_several_could_have_made_a_tape_its_sender_is_named(desk: Service) -> None:
    Path("tape.toml").write_text(BALANCES)
    Path("tape.csv").write_text("loan,as of,balance\nL1,2026-11-21,11500.00\nL2,2026-11-21,11800.00\n")
    root = desk.site.ledger.trust_root()
    second = replace(next(one for one in root.parties if one.name == "fenqile"), name="second", verifiers=())
    Path("trust.json").write_bytes(replace(root, parties=(*root.parties, second)).encode())
    ask = ("audit", "A", "--from", desk.url, "--trust", "trust.json", "--processes", 1)
    ask = (*ask, "--tape", "tape.csv", "--mapping", "tape.toml")
    assert "give --sender" in run_command(*ask, code=2).stderr
    assert '"nobody" is no party' in run_command(*ask, "--sender", "nobody", code=2).stderr
    document = data(run_command(*ask, "--sender", "second", "--json", code=1))
    assert [one["facts"]["owner"] for one in document["findings"] if one["code"] == "break.open"] == [
        "second"
    ]


def test_a_sample_is_drawn_as_the_owner_draws_it_with_receipts_that_verify(
    desk: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = "0x" + "5a" * 32
    ask = ("audit", "A", "--from", desk.url, "--trust", "trust.json", "--processes", 1, "--sample", 1)
    monkeypatch.setenv(API_KEY, new_key(desk.site.ledger, "bank", "audit"))
    kept = ("--seed", seed, "--receipts", "sample")
    assert "not for read" in run_command(*ask, *kept, code=4).stderr
    drawn = data(run_command(*ask, "--seed", seed, "--json", code=1))["sample"]
    with desk.site.ledger.store.read() as connection:
        log = logs.get(connection, desk.site.ledger.origin)
        names = sample.population(connection, log, "A", log.published)
    assert (drawn["of"], drawn["loans"]) == (2, sample.draw(names, 1, seed))
    assert drawn["receipts"] == []
    monkeypatch.setenv(API_KEY, desk.site.tokens["bank"])
    receipts = data(run_command(*ask, *kept, "--json", code=1))["sample"]["receipts"]
    assert len(receipts) == (4 if drawn["loans"] == ["L1"] else 3)
    for file in receipts:
        assert "VERIFIED" in run_command("verify", file, "--trust", "trust.json", "--offline").stdout


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "--trust"),
        (("--trust", "trust.json", "--tape", "x.csv"), "no file x.csv"),
        (("--trust", "trust.json", "--tape", "x.xml"), "no file x.xml"),
        (("--trust", "trust.json", "--sample", "3"), "--seed"),
        (("--trust", "trust.json", "--as-of", "2999-01-01"), "has not come"),
        (("--trust", "trust.json", "--size", "999999"), "not published"),
    ],
)
def test_what_cannot_be_asked(desk: Service, more: tuple[str, ...], says: str) -> None:
    assert says in run_command("audit", "A", "--from", desk.url, *more, code=2).stderr


def test_a_key_that_is_bound_to_signatures(desk: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    run_command("party", "keygen", "request", "-o", "request.key")
    public = load_signer(Path("request.key")).verifier.public_key
    monkeypatch.setenv(API_KEY, new_key(desk.site.ledger, "bank", "read", "audit", signing_key=public))
    # The service's clock stands still, and a signature is good for minutes.
    monkeypatch.setattr("ledger.mirror.remote._now", lambda: desk.site.clock().timestamp())
    command = ("audit", "A", "--from", desk.url, "--trust", "trust.json", "--processes", 1)
    assert "a signed request has one" in run_command(*command, code=4).stderr
    signed = (*command, "--signing-key", "request.key")
    assert "cash.parts" in run_command(*signed, code=1).stdout
    run_command("party", "keygen", "request", "-o", "other.key")
    assert "does not verify" in run_command(*command, "--signing-key", "other.key", code=4).stderr
    assert "no file" in run_command(*command, "--signing-key", "none.key", code=2).stderr
