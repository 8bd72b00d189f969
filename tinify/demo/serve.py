# SPDX-License-Identifier: Apache-2.0
"""The local page: a server for the person at this machine, and for nobody else.

    GET  /         the page, which has the key of this run
    POST /signal   a file's bytes, its name as ?name=          ──► what it is; a key for it
    POST /sample   {"kind": "image" or "series"}               ──► the same, of the demo's own photo or series
    POST /trial    {"key", "codec", "quality", "channel"}      ──► what `live_trial.tried` finds

It listens on 127.0.0.1. Pages of other sites cannot use it: each POST needs the key of this run, which they cannot
read, as a header that they may not send; a Host that is not this machine (a name that was bound anew) is refused, and
so is another Origin. There are no paths to files.
"""

from __future__ import annotations

import json
import secrets
import sys
import traceback
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import parse_qs

from tinify.demo import samples
from tinify.demo.live_trial import described, tried
from tinify.demo.shelf import MAX_UPLOAD, Given, Shelf, read
from tinify.errors import InputError, LimitError, MissingExtraError, TinifyError
from tinify.evaluation.charts import base_style
from tinify.signal import Signal

KEY_HEADER = "X-Tinify-Key"
MAX_QUESTION = 1 << 16
IDLE_S = 30
_DRAINED_S = 1.0
HOSTS = {"127.0.0.1", "localhost", "[::1]"}
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Refused(Exception):
    """An answer other than 200: its status and what the person reads."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class DemoServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 at `port`, or at a free one for 0. `url` is where."""

    daemon_threads = True

    def __init__(self, port: int = 0):
        super().__init__(("127.0.0.1", port), Handler)
        self.key, self.shelf = secrets.token_urlsafe(24), Shelf()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def page(self, nonce: str) -> str:
        """The page, with everything in it."""

        def text(name: str) -> str:
            return (files("tinify.demo") / name).read_text(encoding="utf-8").strip()

        fields = {"style": base_style() + text("page.css") + text("live.css"), "script": text("live.js"),
                  "key": self.key, "nonce": nonce, "most": MAX_UPLOAD >> 20}  # fmt: skip
        return Template(text("live.html")).substitute(fields)


class Handler(BaseHTTPRequestHandler):
    """Answers one request; whatever is wrong with it is said in words, as JSON {"error"}."""

    server: DemoServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "tinify", ""
    timeout = IDLE_S

    def answer(self) -> None:
        self.close_connection = True  # a body that was refused must not be read as the next request
        try:
            self._check_host()
            if self.place not in ROUTES:
                raise Refused(404, "there is no such page")
            method, act = ROUTES[self.place]
            if self.command != method:
                raise Refused(405, f"{self.command} is not allowed here; {method} is")
            if method == "POST":
                self._check_sender()
            act(self)
        except Refused as error:
            self._send_json({"error": str(error)}, error.status)
            self._drain()
        except TinifyError as error:
            self._send_json({"error": str(error)}, 413 if isinstance(error, LimitError) else 400)
        except (ConnectionError, TimeoutError):
            return  # the browser has gone
        except Exception as error:  # a fault of ours: the person reads that it is, the terminal has the details
            traceback.print_exc(file=sys.stderr)
            self._send_json({"error": f"this should not have happened: {type(error).__name__}: {error}"}, 500)

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    @property
    def place(self) -> str:
        return self.path.partition("?")[0]

    def send_page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        rules = (f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data:; "
                 "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")  # fmt: skip
        self._send(
            self.server.page(nonce).encode(), "text/html; charset=utf-8", 200, {"Content-Security-Policy": rules}
        )

    def take_signal(self) -> None:
        name = parse_qs(self.path.partition("?")[2]).get("name", ["file"])[0]
        self._put(read(self._body(MAX_UPLOAD), name))

    def take_sample(self) -> None:
        self._put(sample(self._question().get("kind")))

    def take_trial(self) -> None:
        asked = self._question()
        given = self.server.shelf.get(asked.get("key"))
        self._send_json(tried(given, asked.get("codec"), asked.get("quality"), asked.get("channel", 0)))

    def _put(self, given: Given) -> None:
        self._send_json(described(self.server.shelf.put(given), given))

    def _check_host(self) -> None:
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in HOSTS:
            raise Refused(403, "this page is only for the machine that it runs on: open it as 127.0.0.1")

    def _check_sender(self) -> None:
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{self.headers['Host']}":
            raise Refused(403, "another page sent this")
        key = self.headers.get(KEY_HEADER, "").encode("latin-1", "replace")
        if not secrets.compare_digest(key, self.server.key.encode()):
            raise Refused(403, "the page is of an earlier run of this server; reload it")

    def _body(self, most: int) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise Refused(411, "say how long the body is (Content-Length)")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or len(length) > 15:
            raise Refused(411, "say how long the body is (Content-Length)")
        if int(length) > most:
            raise Refused(413, f"{int(length):,} bytes; this page takes up to {most:,}. The command has no such limit")
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            raise Refused(400, "the body was cut off")
        return data

    def _drain(self) -> None:
        """Reads some of what is left of a body: who still sends it would not see the answer else."""
        self.connection.settimeout(_DRAINED_S)
        with suppress(OSError, ValueError):
            left = min(int(self.headers.get("Content-Length", "0")), 2 * MAX_UPLOAD)
            while left > 0 and (data := self.rfile.read1(min(left, 1 << 16))):
                left -= len(data)

    def _question(self) -> dict[str, Any]:
        try:
            asked = json.loads(self._body(MAX_QUESTION))
        except (ValueError, RecursionError):
            raise Refused(400, "the body is not JSON") from None
        if not isinstance(asked, dict):
            raise Refused(400, "the body is not a JSON object")
        return asked

    def _send_json(self, found: dict[str, Any], status: int = 200) -> None:
        self._send(json.dumps(found).encode(), "application/json", status, {})

    def _send(self, content: bytes, kind: str, status: int, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            more = {"Allow": ROUTES[self.place][0]} if status == 405 else {}
            fixed = {"Content-Type": kind, "Content-Length": str(len(content)), "Connection": "close"}
            for name, value in {**_HEADERS, **fixed, **more, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
        except (ConnectionError, TimeoutError):
            return

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing: the terminal is for the person."""


ROUTES = {
    "/": ("GET", Handler.send_page),
    "/signal": ("POST", Handler.take_signal),
    "/sample": ("POST", Handler.take_sample),
    "/trial": ("POST", Handler.take_trial),
}


def sample(kind: object) -> Given:
    """The demo's own photo or series. InputError where its package is not here."""
    try:
        if kind == "image":
            photo = samples.photo()
            return Given(f"{photo.name}.png", len(photo.file), Signal("image", photo.pixels))
        recording = samples.recording()
    except MissingExtraError as error:
        raise InputError(f"{error}. Or drop a file of your own") from error
    return Given(recording.name, recording.samples.nbytes, Signal("series", recording.samples), ("voltage",))


def warm() -> None:
    """Imports and loads what the first file needs, while the person looks for it."""
    from tinify import api

    with suppress(TinifyError):
        for name in api.DEFAULT_CODECS.values():
            api.load(name)
