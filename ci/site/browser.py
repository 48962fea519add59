"""A Chromium without a window, spoken to in the DevTools protocol over two pipes: no port, no driver, no library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# What JSON can say; of what kind depends on the question.
Json = Any
NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "apt-get install chromium"
# Longest wait for an answer or for a page, seconds: far beyond what either takes.
PATIENCE = 60.0


class BrowserError(Exception):
    """The browser is not there, ended, or did not answer."""


class Browser:
    """A browser with one page."""

    def __init__(self) -> None:
        """Starts it."""
        program = next((found for name in NAMES if (found := shutil.which(name))), None)
        if program is None:
            raise BrowserError(f"no browser: none of {', '.join(NAMES)} is on PATH; {INSTALL}")
        self._profile = tempfile.TemporaryDirectory(prefix="portbench-browser-", ignore_cleanup_errors=True)
        to_browser, to_browser_end = (_high(fd) for fd in os.pipe())
        from_browser_end, from_browser = (_high(fd) for fd in os.pipe())

        # The protocol's own numbers: it reads from 3 and writes to 4.
        redirected = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        command = [
            "bash",
            "-c",
            redirected,
            program,
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-extensions",
            "--disable-sync",
            "--hide-scrollbars",
            "--no-first-run",
            f"--user-data-dir={self._profile.name}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            command,
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._out = to_browser_end
        self._in = from_browser_end
        self._rest = b""
        self._number = 0
        self._events: list[dict[str, Json]] = []
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends the browser."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)
        self._profile.cleanup()

    def call(self, method: str, **params: Json) -> dict[str, Json]:
        """Sends a command and waits for its answer."""
        self._number += 1
        message: dict[str, Json] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            self._events.append(answer)

    def events(self, *methods: str) -> list[dict[str, Json]]:
        """What was told since the last question, of these kinds; the other kinds wait."""
        found = [event for event in self._events if event.get("method") in methods]
        self._events = [event for event in self._events if event.get("method") not in methods]
        return [event["params"] for event in found]

    def open(self, address: str) -> None:
        """Opens a page and waits until it is loaded."""
        self.events("Page.loadEventFired")
        self.call("Page.navigate", url=address)
        while not self.events("Page.loadEventFired"):
            self._events.append(self._receive())

    def view(self, width: int, height: int, scheme: str, media: str = "screen") -> None:
        """Sets the window's size and what the page is told of the reader's wishes."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def value(self, expression: str) -> Json:
        """What a JavaScript expression comes to; a promise is waited for."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise BrowserError(
                f"{expression[:200]}: {done['exceptionDetails'].get('exception', {}).get('description')}"
            )
        return done["result"].get("value")

    def press(self, key: str) -> None:
        """Presses a key: Enter, Tab, ArrowRight, Escape, ..."""
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35}
        common = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def move(self, x: float, y: float) -> None:
        """Moves the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x: float, y: float) -> None:
        """Clicks there."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path, whole: bool = False) -> None:
        """Saves what the window shows, or the whole page, as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(shot["data"]))

    def _clip(self, whole: bool) -> dict[str, Json]:
        if not whole:
            return {}
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16000), "scale": 1}}

    def _receive(self) -> dict[str, Json]:
        """The next message."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], PATIENCE)
            if not ready:
                raise BrowserError(f"the browser did not answer for {PATIENCE:.0f} s")
            read = os.read(self._in, 1 << 20)
            if not read:
                raise BrowserError("the browser ended")
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


def _high(fd: int) -> int:
    """The same descriptor under a number that is in nobody's way."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20)
    os.close(fd)
    return moved
