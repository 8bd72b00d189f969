# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium by its own protocol over a pipe: nothing to install but the browser."""

import json
import os
import shutil
import subprocess
import time
from base64 import b64decode

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def found():
    """Path of a Chromium, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def _high(number):
    """The same end of a pipe under a number that is none of the browser's own, 3 and 4."""
    import fcntl

    moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(number)
    return moved


class Browser:
    """One page. `evaluate` gives the value of an expression, `until` waits until it is true."""

    def __init__(self, profile):
        here_in, there_out = map(_high, os.pipe())
        there_in, here_out = map(_high, os.pipe())
        command = [found(), "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
                   "--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking",
                   f"--user-data-dir={profile}", "about:blank"]  # fmt: skip
        shell = f'exec "$@" 3<&{there_in} 4>&{there_out} {there_in}<&- {there_out}>&-'
        self.process = subprocess.Popen(["/bin/bash", "-c", shell, "bash", *command], pass_fds=(there_in, there_out),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        os.close(there_in)
        os.close(there_out)
        self.reader, self.writer = os.fdopen(here_in, "rb"), os.fdopen(here_out, "wb")
        self.number, self.session, self.events = 0, None, []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **arguments):
        self.number += 1
        message = {"id": self.number, "method": method, "params": arguments}
        if self.session:
            message["sessionId"] = self.session
        self.writer.write(json.dumps(message).encode() + b"\0")
        self.writer.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _next(self):
        while b"\0" not in self._buffer:
            more = self.reader.read1(1 << 16)
            if not more:
                raise RuntimeError("the browser has ended")
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    _buffer = b""

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression, seconds=60):
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} did not become true in {seconds} s")
            time.sleep(0.1)
        return value

    def size(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def drop(self, path, x, y):
        """A file from the desktop is let go over a point of the page."""
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def key(self, name, code):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def screenshot(self, path):
        """The whole page, from its top to its end."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(b64decode(shot["data"]))

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (RuntimeError, OSError, ValueError):
            self.process.kill()
        self.process.wait(20)
        self.reader.close()
        self.writer.close()
