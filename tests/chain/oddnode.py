"""A node that answers what the test tells it: for the ways of foreign nodes that anvil does not have."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Failure(Exception):  # noqa: N818 - an answer, not an error of ours
    """Answer with a JSON-RPC error object, under an HTTP status."""

    def __init__(self, code: int, message: str, data: Any = None, status: int = 200) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})
        self.status = status


class Raw(Exception):  # noqa: N818 - the same
    """Answer with these bytes and this status."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        super().__init__()
        self.body, self.status = body, status


Answer = Any | Callable[..., Any]


@contextmanager
def odd_node(answers: Mapping[str, Answer]) -> Iterator[str]:
    """The URL of a node with these answers by method; exceptions are raised, functions called."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = respond(request)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    def respond(request: dict[str, Any]) -> tuple[int, bytes]:
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        status = 200
        try:
            answer = answers.get(request["method"], Failure(-32601, "the method does not exist"))
            if isinstance(answer, Exception):
                raise answer
            reply["result"] = answer(*request["params"]) if callable(answer) else answer
        except Failure as failure:
            reply["error"], status = failure.error, failure.status
        except Raw as raw:
            return raw.status, raw.body
        return status, json.dumps(reply).encode()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
