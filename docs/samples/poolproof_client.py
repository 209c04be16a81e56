"""A client of the HTTP API that loses nothing and doubles nothing: post an event or many, fetch a receipt.

Needs Python 3.11 and, for a key whose requests must be signed, the package `cryptography`. Copy what you need.

    LEDGER_URL=https://ledger.example LEDGER_KEY=poolproof_… python poolproof_client.py event.json
    … LEDGER_SIGNING_KEY=request.key …      (made by `poolproof party keygen request -o request.key`)
"""

import base64
import hashlib
import http.client
import json
import os
import random
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

#: Answers after which the same request is sent again. 409 is not here: it says that another event holds the place.
AGAIN = {408, 429, 500, 502, 503, 504}
TRIES = 12


class Client:
    """One key's way to one service. `signing_key` is the path of a key file, where the key has one."""

    def __init__(self, url, key, signing_key=None):
        self.url, self.key = url.rstrip("/"), key
        self.private = None if signing_key is None else load_private_key(signing_key)

    def post_event(self, event):
        """The acceptance of an event, whatever happens on the way.

        An event keeps its `id`: whoever sends it again, after a lost connection or from another machine, gets the
        acceptance of the first time. So everything that may pass is simply tried again, later and later.
        """
        body = json.dumps(event, ensure_ascii=False).encode()
        return json.loads(self.request("POST", "/v1/events", body))

    def post_batch(self, events, on_error="report"):
        """What became of many events: `accepted` lines, each with its acceptance, and those `rejected`.

        Sent again like one event: lines that went in before are told with their first acceptance. A batch that is too
        large to be answered at once becomes a job, which is waited for.
        """
        lines = b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)
        headers = {"Content-Type": "application/x-ndjson"}
        told = json.loads(self.request("POST", f"/v1/events?on_error={on_error}", lines, headers=headers))
        while told.get("state") in ("queued", "running"):
            time.sleep(1)
            told = json.loads(self.request("GET", f"/v1/jobs/{told['id']}"))
        if told.get("state") == "failed":
            raise RuntimeError(f"job {told['id']}: {told['problem']}")
        return json.loads(self.request("GET", told["report"])) if "report" in told else told

    def receipt(self, event_id):
        """The receipt of an event, as the bytes to keep; asked for until a checkpoint covers the event."""
        return self.request("GET", f"/v1/events/{quote(event_id, safe='')}/receipt", again=AGAIN | {404})

    def request(self, method, target, body=b"", again=AGAIN, headers=None):
        """The body of the answer. Raises what the last try raised."""
        given = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(headers or {})}
        for attempt in range(TRIES):
            # Signed anew each time: a signature is good for one request.
            signed = {} if self.private is None else self.signature(method, target, body)
            wanted = urllib.request.Request(self.url + target, body or None, given | signed, method=method)
            try:
                with urllib.request.urlopen(wanted, timeout=60) as answer:
                    return answer.read()
            except urllib.error.HTTPError as error:
                problem = error.read().decode("utf-8", "replace")
                if error.code not in again or attempt == TRIES - 1:
                    raise RuntimeError(f"{method} {target}: {error.code} {problem}") from None
                wait = float(error.headers.get("Retry-After", 2**attempt / 4))
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError):
                if attempt == TRIES - 1:
                    raise
                wait = 2**attempt / 4
            time.sleep(min(wait, 60) * random.uniform(0.5, 1))
        raise AssertionError("the last try answers or raises")

    def signature(self, method, target, body):
        """The headers of a signed request (RFC 9421, in the one form that the service reads)."""
        path, _, query = target.partition("?")
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        parameters = (
            '("@method" "@path" "@query" "content-digest")'
            f';created={int(time.time())};nonce="{secrets.token_urlsafe(24)}"'
            f';keyid="{self.key.split("_")[1]}";alg="ed25519"'
        )
        base = (
            f'"@method": {method}\n"@path": {urlsplit(self.url).path + path}\n"@query": ?{query}\n'
            f'"content-digest": {digest}\n"@signature-params": {parameters}'
        )
        value = base64.b64encode(self.private.sign(base.encode())).decode()
        return {
            "Content-Digest": digest,
            "Signature-Input": f"poolproof={parameters}",
            "Signature": f"poolproof=:{value}:",
        }


def load_private_key(path):
    """The key in a file of `poolproof party keygen`: PRIVATE+KEY+name+id+base64(01 || seed)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = base64.b64decode(Path(path).read_text().strip().split("+", 4)[4])[1:]
    return Ed25519PrivateKey.from_private_bytes(seed)


if __name__ == "__main__":
    client = Client(os.environ["LEDGER_URL"], os.environ["LEDGER_KEY"], os.environ.get("LEDGER_SIGNING_KEY"))
    event = json.loads(Path(sys.argv[1]).read_text())
    accepted = client.post_event(event)
    print(f"{accepted['id']}: accepted at index {accepted['index']}, anchored by {accepted['anchor_by']}")
