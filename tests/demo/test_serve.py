# SPDX-License-Identifier: Apache-2.0
"""The local page over HTTP: what it gives, and what it refuses in words."""

import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64decode
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tinify
from tinify.cli.demo import demo
from tinify.demo import serve, shelf
from tinify.demo.serve import KEY_HEADER, MAX_UPLOAD, DemoServer
from tinify.errors import InputError, MissingExtraError

CSV = "time,level,flow\n" + "".join(f"{i},{i % 17 + 0.5},{i * i % 23}\n" for i in range(300))


@pytest.fixture(scope="module")
def server():
    with DemoServer() as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def picture(height=40, width=56, format="PNG", **kind):
    row, column = np.mgrid[:height, :width]
    pixels = np.stack([row * 5 % 256, column * 4 % 256, (row + column) % 256], axis=2).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=format, **kind)
    return buffer.getvalue()


def post(server, path, body, **headers):
    """(status, what the JSON says)."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(server.url + path, body, {KEY_HEADER: server.key, **headers})
    try:
        with urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def raw(server, text, body=b""):
    """Status and body of an answer to a request that no client would send."""
    with socket.create_connection(server.server_address, timeout=20) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode("latin-1") + body)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection, method=text.split()[0])
        answer.begin()
        return answer.status, answer.read()


def test_the_page_needs_nothing_from_elsewhere_and_says_so_to_the_browser(server):
    with urlopen(server.url) as answer:
        page, rules = answer.read().decode(), answer.headers["Content-Security-Policy"]
    assert server.key in page and "$" not in re.sub(r"\$\s*/", "", page.split("<script")[0])
    assert "default-src 'none'" in rules and re.search(r"nonce-([\w-]+)", rules)[1] in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert answer.headers["X-Frame-Options"] == "DENY" and answer.headers["Cache-Control"] == "no-store"


def test_a_picture_is_taken_and_quality_changes_its_size_and_distortion(server):
    status, given = post(server, "signal?name=a%20cup.png", picture())
    assert status == 200 and given["kind"] == "image" and given["name"] == "a cup.png"
    assert given["shape"] == [40, 56, 3] and given["codecs"][0]["name"] == "photo-fast"
    sizes, rates = [], []
    for quality in (10, 50, 90):
        status, found = post(server, "trial", {"key": given["key"], "codec": "photo-fast", "quality": quality})
        assert status == 200
        file = b64decode(found["file"])
        restored = np.asarray(Image.open(io.BytesIO(b64decode(found["restored"].partition(",")[2]))))
        assert found["bytes"] == len(file) and np.array_equal(tinify.decompress(file), restored)
        assert found["heat"]["block"] == 16 and len(found["heat"]["bits"]) == 3
        sizes.append(len(file))
        rates.append(float(dict(found["measures"])["PSNR"].split()[0]))
    assert sizes == sorted(set(sizes)) and rates == sorted(set(rates))


def test_a_csv_is_taken_with_its_names_and_drawn(server):
    _, given = post(server, "signal?name=levels.csv", CSV.encode())
    assert given["kind"] == "series" and given["names"] == ["level", "flow"]
    codec = given["codecs"][0]
    status, found = post(server, "trial", {"key": given["key"], "codec": codec["name"], "quality": 60, "channel": 1})
    assert status == 200 and "<svg" in found["charts"][0]["html"]
    assert [share["title"] for share in found["shares"]] == ["Channels", "Parts of the file"]
    assert {"NRMSE", "bits per number"} <= set(dict(found["measures"]))


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("x.png", picture()[:80], "damaged|cut off|truncated"),
        ("x.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "damaged|not a picture"),
        ("x.jpg", b"hello", "not a picture|damaged"),
        ("x", b"\0\1\2\3", "no known kind"),
        ("x.csv", b"a,b\nc,d\n", "number"),
        ("x.csv", b"1,2\n3\n", "line|row"),
        ("", b"", "empty"),
        ("x.npy", b"\x93NUMPY\x01\0\x05\0hello", "."),
    ],
)
def test_broken_files_are_400_with_words(server, name, body, says):
    status, found = post(server, f"signal?name={name}", body)
    assert status == 400 and re.search(says, found["error"])


def test_a_picture_that_says_it_is_huge_is_refused_before_it_is_decoded(server, monkeypatch):
    monkeypatch.setattr(shelf, "MAX_OPENED", 1000)
    status, found = post(server, "signal?name=x.png", picture())
    assert status == 413 and "56x40" in found["error"]


def test_a_large_picture_is_made_smaller_and_that_is_said(monkeypatch):
    monkeypatch.setattr(shelf, "MAX_PIXELS", 600)
    given = shelf.read(picture(), "x.png")
    assert given.signal.samples.shape == (20, 28, 3) and "made smaller" in given.notes[0]


def test_pictures_of_other_kinds_become_8_bits():
    buffer = io.BytesIO()
    Image.fromarray((np.arange(1200).reshape(30, 40) * 50).astype(np.uint16)).save(buffer, format="PNG")
    given = shelf.read(buffer.getvalue(), "x.png")
    assert given.signal.samples.dtype == np.uint8 and given.signal.samples.shape == (30, 40, 1)
    assert int(given.signal.samples[-1, -1, 0]) == 1199 * 50 >> 8 and "8 bits" in given.notes[0]


def test_a_long_series_is_cut_and_that_is_said(monkeypatch):
    monkeypatch.setattr(shelf, "MAX_NUMBERS", 100)
    given = shelf.read(CSV.encode(), "x.csv")
    assert given.signal.samples.shape == (50, 2) and "first 50 of 300" in given.notes[0]


def test_names_of_files_and_channels_are_text_not_markup(server):
    _, given = post(
        server, "signal?name=%3Cimg%20src%3Dx%3E%0A/../../b%3Cb%3E.csv", CSV.replace("level", "<b>").encode()
    )
    assert given["name"] == "b<b>.csv" and given["names"][0] == "<b>"
    _, found = post(server, "trial", {"key": given["key"], "codec": "series-mixing", "quality": 30})
    assert "<b>" not in found["charts"][0]["html"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"quality": 101}, "0 to 100"), ({"quality": "50"}, "0 to 100"), ({"quality": None}, "0 to 100"),
        ({"quality": True}, "0 to 100"), ({"quality": float("nan")}, "0 to 100"), ({"quality": 10**400}, "0 to 100"),
        ({"codec": "../../etc/passwd"}, "allowed: photo-fast"), ({"codec": "/tmp"}, "allowed"),
        ({"codec": 3}, "allowed"), ({"codec": "series-mixing"}, "allowed"), ({"codec": ["photo-fast"]}, "allowed"),
        ({"key": "gone"}, "drop it again"),
        ({"key": None}, "drop it again"), ({"channel": 99}, "channel"), ({"channel": "x"}, "channel"),
    ],
)  # fmt: skip
def test_wrong_questions_are_400_with_words(server, change, says):
    _, given = post(server, "signal?name=x.png", picture())
    status, found = post(server, "trial", {"key": given["key"], "codec": "photo-fast", "quality": 50} | change)
    assert status == 400 and says in found["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff\xfe", b'"x"', b"[" * 60000])
def test_bodies_that_are_no_question_are_400(server, body):
    status, found = post(server, "trial", body)
    assert status == 400 and "JSON" in found["error"]


def test_a_body_that_says_it_is_huge_is_refused_unread(server):
    head = f"POST /signal HTTP/1.1\nHost: localhost\n{KEY_HEADER}: {server.key}\nContent-Length: {MAX_UPLOAD + 1}\n\n"
    status, body = raw(server, head, b"x" * 1000)
    assert status == 413 and b"takes up to" in body


def test_a_body_that_is_huge_is_refused_and_the_sender_sees_why(server, monkeypatch):
    monkeypatch.setattr(serve, "MAX_UPLOAD", 1 << 20)
    status, found = post(server, "signal?name=x.png", b"x" * (2 << 20))
    assert status == 413 and "takes up to" in found["error"]


@pytest.mark.parametrize("length", ["", "Content-Length: -1\n", "Content-Length: 1e3\n", "Content-Length: ²\n",
                                    "Transfer-Encoding: chunked\n", f"Content-Length: {'9' * 5000}\n"])  # fmt: skip
def test_a_body_without_a_length_is_refused(server, length):
    status, _ = raw(server, f"POST /signal HTTP/1.1\nHost: localhost\n{KEY_HEADER}: {server.key}\n{length}\n")
    assert status == 411


def test_a_body_that_is_cut_off_is_400(server):
    head = f"POST /signal HTTP/1.1\nHost: localhost\n{KEY_HEADER}: {server.key}\nContent-Length: 50\n\n"
    assert raw(server, head, b"short") == (400, b'{"error": "the body was cut off"}')


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/live.js", "/%2e%2e/etc/passwd", "//etc/passwd", "/..\\x", "x",
                                  "/signal/../../etc/passwd", "http://[::1/", "/?" + "a" * 5000 + "/../x"])  # fmt: skip
def test_there_are_no_paths_to_files(server, path):
    status, body = raw(server, f"GET {path} HTTP/1.1\nHost: 127.0.0.1\n\n")
    assert status in (404, 400) or (status == 200 and path.startswith("/?"))
    assert b"root:" not in body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "POST", "TRACE", "HACK"])
def test_other_methods_are_refused(server, method):
    status, _ = raw(server, f"{method} / HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 0\n\n")
    assert status in (405, 501)
    assert raw(server, "GET /trial HTTP/1.1\nHost: 127.0.0.1\n\n")[0] == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}, {KEY_HEADER: "x"},
        {KEY_HEADER: ""}, {KEY_HEADER: "\xe9"}, {"Host": "example.com"},
        {"Host": "127.0.0.1.example.com:80"}, {"Host": ""},
    ],
)  # fmt: skip
def test_other_pages_and_names_that_were_bound_anew_are_refused(server, headers):
    status, found = post(server, "sample", {"kind": "series"}, **headers)
    assert status == 403 and found["error"]


def test_its_own_origin_is_taken_and_a_foreign_host_cannot_read_the_page(server):
    given = post(server, "signal?name=x.csv", CSV.encode(), Origin=server.url.rstrip("/"))
    assert given[0] == 200
    status, body = raw(server, "GET / HTTP/1.1\nHost: rebound.example.com\n\n")
    assert status == 403 and server.key.encode() not in body


def test_it_listens_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_only_a_few_files_are_kept():
    kept = shelf.Shelf()
    keys = [kept.put(shelf.read(CSV.encode(), f"{number}.csv")) for number in range(6)]
    assert kept.get(keys[-1]).name == "5.csv"
    with pytest.raises(InputError, match="drop it again"):
        kept.get(keys[0])


def test_a_fault_of_ours_is_500_without_its_traceback(server, monkeypatch, capfd):
    monkeypatch.setattr(serve, "described", lambda *_: 1 / 0)
    status, found = post(server, "signal?name=x.csv", CSV.encode())
    assert status == 500 and "ZeroDivisionError" in found["error"] and "File" not in found["error"]
    assert "Traceback" in capfd.readouterr().err


def test_without_the_samples_the_error_names_the_extra(monkeypatch):
    def missing():
        raise MissingExtraError(serve.samples.EXTRA)

    monkeypatch.setattr(serve.samples, "photo", missing)
    with pytest.raises(InputError, match=r"tinify-codec\[demo\].*file of your own"):
        serve.sample("image")


def test_a_port_that_is_taken_is_an_error_with_the_way_out(server):
    result = CliRunner().invoke(demo, ["--serve", "--port", str(server.server_address[1])])
    assert isinstance(result.exception, InputError) and "leave --port out" in str(result.exception)
    assert CliRunner().invoke(demo, ["--port", "80"]).exit_code == 2


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_ends_it_cleanly():
    process = subprocess.Popen([sys.executable, "-m", "tinify", "demo", "--serve"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    try:
        url = process.stdout.readline().split()[0]
        with urlopen(url) as answer:
            assert answer.status == 200
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0 and "ended" in out and "Traceback" not in err
