"""The main job on real input, in under a minute, and a portal over a book of 20,000 loans: what `make demo` runs.

Two real months of a US auto-loan trust (SEC EX-102) go into a ledger, its checkpoint goes on a local chain, and
a receipt is verified by somebody who holds two files. Then four frauds are tried: a second pledge, an edited
receipt, an edited row in the database, a forged root for the contract.

Every step is a command that you can type; the two that are not (editing the database, sending a forged root)
stand here as code. Leaves everything in ``demo/``. Then a second ledger is filled with the same months and a simulated
book, and the portal over it is served (:mod:`demo_portal`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import demo_portal

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "ex102"
ORIGIN = "sdart.example/2026-1"
#: The loan whose cash does not add up in the June file: 210.00 paid, 217.45 applied, as filed.
BREAK = "ex102:SDART0202600001:21884987:2026-06:repayment"
LOAN = "SDART0202600001:22376302"

VERIFIED, INVALID, WRONG_INPUT = 0, 1, 2


class Demo:
    """Runs commands in one folder and says what each is for."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        self.command = command
        self.started = time.monotonic()
        self.number = 0
        self.environment = {**os.environ, "POOLPROOF_HOME": "home", "NO_COLOR": "1"}

    def step(self, title: str) -> None:
        """Head a new step."""
        self.number += 1
        print(f"\n── {self.number}. {title}\n", flush=True)

    def run(
        self, *arguments: str, expect: int = VERIFIED, stdin: str | None = None, only: tuple[str, ...] = ()
    ) -> None:
        """Type a poolproof command; its exit code must be ``expect``. ``only`` picks the lines shown."""
        if stdin is not None:
            print(f"$ echo '{stdin}' |", flush=True)
        print(f"$ poolproof {' '.join(arguments)}", flush=True)
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder, env=self.environment, input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = (
            done.stdout if done.returncode == expect and done.stdout else done.stdout + done.stderr
        ).splitlines()
        chosen = [line for line in lines if not only or line.strip().startswith(only)]
        for line in chosen:
            print(f"  {line}".rstrip())
        if len(chosen) < len(lines):
            print(f"  ({len(lines) - len(chosen)} lines more)")
        if expect:
            print(f"  → exit code {done.returncode}, as it must be")
        if done.returncode != expect:
            sys.stderr.write(done.stderr)
            raise SystemExit(f"demo: exit code {done.returncode}, expected {expect}")

    def data(self, *arguments: str) -> dict[str, object]:
        """The JSON of a command, without showing it."""
        done = subprocess.run(
            [*self.command, *arguments, "--json"],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        result: dict[str, object] = json.loads(done.stdout)
        return result

    def say(self, text: str) -> None:
        """A line of explanation."""
        print(f"  {text}", flush=True)


def main() -> None:
    """Run the demo; exit code 0 if everything went as it must."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "demo", help="made anew at each run")
    parser.add_argument("--poolproof", help="the command to type; this checkout's if not given")
    parser.add_argument("--book", type=int, default=20_000, help="loans of the simulated book; 0: none")
    given = parser.parse_args()
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [given.poolproof] if given.poolproof else [sys.executable, "-m", "ledger"]
    demo = Demo(folder, command)
    try:
        record(demo)
        verify(demo)
        audit(demo)
        frauds(demo)
    finally:
        subprocess.run(
            [*demo.command, "devnet", "stop"],
            cwd=folder, env=demo.environment, capture_output=True, check=False,
        )  # fmt: skip
    summary(demo)
    demo.step(f"A portal over the same months and a simulated book of {given.book:,} loans (some minutes)")
    demo_portal.show_portal(folder, command, given.book)


def record(demo: Demo) -> None:
    """Devnet, contract, log, two months, anchor."""
    demo.step("A chain, a contract, a log")
    demo.run("devnet", "start", "--port", "0")
    demo.run(
        "init", "--origin", ORIGIN, "--zone", "America/New_York",
        "--party", "santander:originator,servicer", "--party", "sdart-2026-1:trustee",
        "--party", "bank-b:funding_partner", "--kek-backup", "kek.backup",
    )  # fmt: skip

    demo.step("Two months as filed with the SEC, into a pool")
    months = [os.path.relpath(DATA / f"2026-0{month}.xml", demo.folder) for month in (6, 7)]
    demo.run("import", "ex102", *months, "--pool", "SDART-2026-1", "--holder", "sdart-2026-1")

    demo.step("The checkpoint goes on chain; the trust root is issued")
    demo.run("anchor", "--wait")
    demo.run("trust", "--pin", "-o", "trust.json")
    demo.run("status")


def verify(demo: Demo) -> None:
    """A sceptic with a receipt and a trust root."""
    demo.step("A sceptic holds one receipt and the trust root")
    demo.run("receipt", BREAK, "-o", "repayment.receipt.json")
    demo.run("evidence", "--latest", "-o", "anchor.evidence.json")
    demo.say("the two files alone, no network:")
    demo.run("verify", "repayment.receipt.json", "--trust", "trust.json", "--offline")
    demo.say("with the anchor's evidence file, still no network:")
    demo.run(
        "verify", "repayment.receipt.json", "--trust", "trust.json", "--offline",
        "--evidence", "anchor.evidence.json", "--require", "final",
        only=("ok  anchor", "ok  finality", "VERIFIED"),
    )  # fmt: skip
    demo.say("against the contract itself:")
    url = str(demo.data("devnet", "status")["url"])
    demo.run(
        "verify", "repayment.receipt.json", "--trust", "trust.json", "--rpc", url, "--require", "final",
        only=("ok  anchor", "ok  finality", "VERIFIED"),
    )  # fmt: skip


def audit(demo: Demo) -> None:
    """The pool against its records, and the report that is left."""
    demo.step("The pool is audited, as of the end of July")
    demo.run(
        "audit", "SDART-2026-1", "--as-of", "2026-07-31", "--trust", "trust.json", "-o", "audit.report.json",
        "--html", "audit.html",
        only=("1 error", "cash.parts", "Paid 210.00", "rate.below_contract", "The rate is"),
        expect=INVALID,
    )  # fmt: skip


def frauds(demo: Demo) -> None:
    """Four frauds, each refused or found."""
    demo.step("Fraud: pledge a loan that is in the pool to a second lender")
    demo.run("prove", f"{LOAN}/1", "-o", "claim.proof.json")
    demo.run(
        "verify",
        "claim.proof.json",
        "--trust",
        "trust.json",
        "--offline",
        only=("ok  presence", "held", "ok  claim", "claim 1", "ok  history", "VERIFIED"),
    )
    pledge = {
        "id": "second-pledge", "type": "claim.pledged", "subject": "pool:OTHER", "effective": "2026-07-31",
        "data": {"holder": "bank-b", "claims": [{"loan": LOAN, "claim": "1"}]},
    }  # fmt: skip
    created = {
        "id": "other-pool", "type": "pool.created", "subject": "pool:OTHER", "effective": "2026-07-31",
        "data": {"rules": {"version": 1}},
    }  # fmt: skip
    demo.run("append", "-", "--party", "santander", stdin=json.dumps(created))
    demo.run("append", "-", "--party", "santander", stdin=json.dumps(pledge), expect=WRONG_INPUT)

    demo.step("Fraud: edit the receipt, 210.00 becomes 217.45")
    receipt = (demo.folder / "repayment.receipt.json").read_text()
    (demo.folder / "edited.receipt.json").write_text(receipt.replace("210.00", "217.45"))
    demo.run("verify", "edited.receipt.json", "--trust", "trust.json", "--offline", expect=INVALID)

    demo.step("Fraud: edit the row behind the ledger's back")
    database = sqlite3.connect(demo.folder / "home" / "ledger.db")
    [original] = database.execute("SELECT record FROM records WHERE event_id = ?", [BREAK]).fetchone()
    change_row(database, original.replace(b"210.00", b"217.45"))
    demo.run("fsck", expect=INVALID)
    change_row(database, original)
    demo.say("the row as it was:")
    demo.run("fsck")
    database.close()

    demo.step("Fraud: a forged root, sent to the contract with the right key")
    forge(demo)


def change_row(database: sqlite3.Connection, record: bytes) -> None:
    """What somebody with access to the database can do."""
    database.execute("UPDATE records SET record = ? WHERE event_id = ?", [record, BREAK])
    database.commit()


def forge(demo: Demo) -> None:
    """Try to anchor a tree that does not extend the anchored one."""
    from ledger.errors import PoolproofError
    from ledger.home import Home
    from ledger.settings import Settings

    with Home(Settings.load({"POOLPROOF_HOME": str(demo.folder / "home")})) as home:
        client = home.client()
        head = client.log_info()
        account = home.anchorer_account(client.chain_id())
        print(f"$ anchor(log, {head.size}, {head.size + 1}, 0xbad…, [0xbad…])")
        try:
            client.execute(
                account, "anchor", client.log_key, head.size, head.size + 1, b"\xba" * 32, [b"\xba" * 32]
            )
        except PoolproofError as error:
            demo.say(f"refused: {error}")
        else:
            raise SystemExit("demo: the contract took a forged root")


def summary(demo: Demo) -> None:
    """What stands now, and where to look next."""
    seconds = time.monotonic() - demo.started
    print(f"""
── Done in {seconds:.0f} s. In {demo.folder}:

  repayment.receipt.json   one event, proved       trust.json             what a verifier must know
  anchor.evidence.json     the anchor, offline     claim.proof.json       who holds a claim
  audit.html               the pool's audit        audit.report.json      the same, to compare
  edited.receipt.json      the forgery             home/                  the ledger itself

  cd {demo.folder} && export POOLPROOF_HOME=home PATH={ROOT / ".venv" / "bin"}:$PATH

  poolproof verify repayment.receipt.json --trust trust.json --offline
  poolproof devnet start --port 0 && poolproof serve       the API, on http://127.0.0.1:8080
  poolproof export public                                  the log as static files, for any tlog client

  README.md says what is proved and what stays trust; docs/ has the guides.
""")


if __name__ == "__main__":
    main()
