# SPDX-License-Identifier: Apache-2.0
"""A server of files on 127.0.0.1 that can misbehave."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves `files` (name -> bytes) and notes each request's Range in `ranges`.

    `cuts`: after how many bytes each of the next answers stops, None for never; `knows_ranges`, `tells_length`.
    """

    def __init__(self, files=None, *, cuts=(), knows_ranges=True, tells_length=True):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.cuts = dict(files or {}), list(cuts)
        self.knows_ranges, self.tells_length = knows_ranges, tells_length
        self.ranges, self.sent, self.moved = [], 0, {}
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, name = self.server, self.path.lstrip("/")
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if name in server.moved:
            return self._answer(302, b"", Location=server.moved[name])
        if name not in server.files:
            return self._answer(404, b"")
        body = server.files[name]
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.knows_ranges else 0
        if start and start >= len(body):
            return self._answer(416, b"")
        if start:
            self._answer(206, body[start:], **{"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})
        else:
            self._answer(200, body)

    def _answer(self, status, body, **headers):
        self.send_response(status)
        if self.server.tells_length:
            self.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        self.server.sent += len(body[:cut])  # before the client has them and looks
        self.wfile.write(body[:cut])

    def log_message(self, *args):
        pass
