"""The clients of the guides, as programs against a running service: they post, sign, wait and try again."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from ledger.vault import create_signer
from tests.api.conftest import Site, make_site, new_key, originated
from tests.databases import sqlite_in
from tests.docs.pages import ROOT

SAMPLES = ROOT / "docs" / "samples"
PYTHON = [sys.executable, str(SAMPLES / "poolproof_client.py")]
JAVA = [shutil.which("java") or "java", str(SAMPLES / "PoolproofClient.java")]
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="no Java here: its sample is not run")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A service on loopback whose clock is the clients'."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("served")))
    site.clock.now = datetime.now(UTC)
    config = uvicorn.Config(site.client.app, port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield site, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    site.ledger.store.close()


def run(command: list[str], tmp_path: Path, event: dict[str, Any], **variables: str) -> str:
    (tmp_path / "event.json").write_text(json.dumps(event))
    done = subprocess.run(
        [*command, str(tmp_path / "event.json")],
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("command", [PYTHON, pytest.param(JAVA, marks=needs_java)], ids=["python", "java"])
def test_a_sample_posts_signed_and_unsigned(
    command: list[str], service: tuple[Site, str], tmp_path: Path
) -> None:
    site, url = service
    name = f"from-{Path(command[1]).stem}"
    signer = create_signer(tmp_path / "request.key", "request")
    bound = new_key(site.ledger, "fenqile", signing_key=signer.verifier.public_key)
    keys = {"LEDGER_KEY": site.tokens["fenqile"]}
    assert f"o-{name}-1" in run(command, tmp_path, originated(f"{name}-1"), LEDGER_URL=url, **keys)
    keys = {"LEDGER_KEY": bound, "LEDGER_SIGNING_KEY": str(tmp_path / "request.key")}
    before = site.ledger.status().size
    for _ in range(2):  # the second time it is the same event, under a signature of its own
        assert f"o-{name}-2" in run(command, tmp_path, originated(f"{name}-2"), LEDGER_URL=url, **keys)
    assert site.ledger.status().size == before + 1


def python_sample() -> Any:
    spec = importlib.util.spec_from_file_location("poolproof_client", SAMPLES / "poolproof_client.py")
    assert spec is not None
    assert spec.loader is not None
    sample = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sample)
    return sample


def test_the_python_sample_posts_a_batch_as_often_as_it_likes(service: tuple[Site, str]) -> None:
    site, url = service
    client = python_sample().Client(url, site.tokens["fenqile"])
    events = [originated("batch-1"), {"id": "bad"}, originated("batch-2")]
    first, again = (client.post_batch(events) for _ in range(2))
    assert first["counts"] == {"accepted": 2, "repeated": 0, "rejected": 1}
    assert again["counts"] == {"accepted": 0, "repeated": 2, "rejected": 1}
    assert [one["acceptance"] for one in again["accepted"]] == [
        one["acceptance"] for one in first["accepted"]
    ]
    with pytest.raises(RuntimeError, match='"line":2'):
        client.post_batch(events, on_error="abort")


def test_the_python_sample_tries_again_until_it_has_an_answer(service: tuple[Site, str]) -> None:
    """Behind a door that drops the first connection and turns the next two away."""
    site, url = service
    sample = python_sample()
    seen: list[str] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(seen) == 1:  # taken in, and the answer lost
                assert site.post(body).status_code == 201
                self.connection.close()
            elif len(seen) < 4:
                self.send_response(503 if len(seen) == 2 else 429)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                answer = site.post(body)
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

        def log_message(self, *_arguments: object) -> None:
            pass

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=door.serve_forever)
    thread.start()
    client = sample.Client(f"http://127.0.0.1:{door.server_port}", site.tokens["fenqile"])
    before = site.ledger.status().size
    try:
        accepted = client.post_event(originated("door"))
    finally:
        door.shutdown()
        thread.join()
        door.server_close()
    assert (accepted["id"], len(seen), site.ledger.status().size) == ("o-door", 4, before + 1)
    with pytest.raises(RuntimeError, match="422"):
        sample.Client(url, site.tokens["fenqile"]).post_event(originated("x") | {"type": "none"})
    site.ledger.publish()
    receipt = json.loads(sample.Client(url, site.tokens["fenqile"]).receipt("o-door"))
    assert json.loads(receipt["record"])["id"] == "o-door"
