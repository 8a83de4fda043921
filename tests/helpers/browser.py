"""A headless Chromium without a network, driven through pipes by its own protocol (CDP)."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No name is looked up, and nothing is asked of anybody in the background.
OPTIONS = (
    "--headless=new --remote-debugging-pipe --no-sandbox --disable-gpu --disable-dev-shm-usage"
    " --no-first-run --disable-background-networking --disable-component-update --disable-sync"
    " --hide-scrollbars --force-color-profile=srgb --mute-audio"
).split()
WAIT = 60.0


def find() -> str | None:
    """The browser of the distribution, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    """The browser did not do what it was told, or said nothing for a minute."""


class Browser:
    """One browser process; `page` opens a tab."""

    def __init__(self, folder: Path) -> None:
        program = find()
        if program is None:
            raise BrowserError("there is no Chromium; on Debian: apt-get install chromium")
        self._to, self._from = os.pipe(), os.pipe()
        rules = "--host-resolver-rules=MAP * ~NOTFOUND"
        command = [program, *OPTIONS, rules, f"--user-data-dir={folder}", "about:blank"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=self._as_three_and_four,
            env=os.environ | {"HOME": str(folder)},
        )
        os.close(self._to[0])
        os.close(self._from[1])
        self._last, self._buffer = 0, b""
        self._answers: dict[int, dict[str, Any]] = {}
        self._listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}

    def _as_three_and_four(self) -> None:
        """In the new process: where Chromium looks for its pipes."""
        reading, writing = os.dup(self._to[0]), os.dup(self._from[1])
        os.dup2(reading, 3)
        os.dup2(writing, 4)

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events that come before are told on."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to[1], data) :]
        wanted, end = self._last, time.monotonic() + WAIT
        while wanted not in self._answers:
            self.listen(end - time.monotonic(), method)
        answer = self._answers.pop(wanted)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def listen(self, seconds: float, what: str = "") -> None:
        """Wait for the next message, and hand it on."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from[0]], [], [], max(0.0, seconds))
            part = os.read(self._from[0], 1 << 20) if ready else b""
            if not part:
                raise BrowserError(f"no answer: {what}")
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        if "id" in message:
            self._answers[message["id"]] = message
        elif (told := self._listeners.get(message.get("sessionId", ""))) is not None:
            told(message["method"], message.get("params", {}))

    def page(self, width: int = 1280, height: int = 900) -> "Page":
        """A new tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        self._listeners[session] = page.told
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable", session)
        page.size(width, height)
        return page

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to[1])
        os.close(self._from[0])


class Page:
    """A tab: what it was asked for, what it said, and what a person would do in it."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._loaded = False

    def told(self, event: str, details: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(details["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(details["exceptionDetails"])[:2000])
        elif event == "Runtime.consoleAPICalled" and details["type"] in ("error", "assert"):
            self.errors.append(json.dumps(details["args"])[:2000])
        elif event == "Log.entryAdded" and details["entry"]["level"] == "error":
            self.errors.append(details["entry"]["text"])
        elif event == "Page.loadEventFired":
            self._loaded = True

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)

    def size(self, width: int, height: int, scale: float = 1, phone: bool = False) -> None:
        form = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **form)

    def media(self, kind: str = "screen", **features: str) -> None:
        """`kind` is screen or print; a feature is `color_scheme="dark"`."""
        named = [
            {"name": f"prefers-{n.replace('_', '-')}", "value": v} for n, v in features.items()
        ]
        self.call("Emulation.setEmulatedMedia", media=kind, features=named)

    def open(self, path: Path | str, fragment: str = "") -> None:
        """Load a file, and wait until it is there."""
        # Another fragment of what is open already would load nothing.
        self._go("about:blank")
        self.requests.clear()
        self.errors.clear()
        address = Path(path).resolve().as_uri() + (f"#{fragment}" if fragment else "")
        self._go(address)

    def _go(self, address: str) -> None:
        self._loaded = False
        self.call("Page.navigate", url=address)
        end = time.monotonic() + WAIT
        while not self._loaded:
            self._browser.listen(end - time.monotonic(), f"loading {address}")

    def frame(self) -> "Frame":
        """What is in the last frame of the page."""
        return Frame(self)

    def run(self, expression: str, **more: Any) -> Any:
        """The value of an expression in the page, awaited."""
        told = {"expression": expression, "awaitPromise": True, "returnByValue": True, **more}
        found = self.call("Runtime.evaluate", **told)
        if "exceptionDetails" in found:
            raise BrowserError(json.dumps(found["exceptionDetails"])[:2000])
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = WAIT) -> None:
        """Wait until an expression is true in the page."""
        value = f"Boolean({expression})"
        waited(lambda: self.run(value), f"{expression}; errors: {self.errors}", seconds)

    def text(self, selector: str) -> str:
        """What a person reads there."""
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def click(self, selector: str) -> None:
        """A real click in the middle of what is found."""
        place = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', inline: 'center'});"
            "const r = e.getBoundingClientRect();"
            "return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def press(self, key: str, **more: Any) -> None:
        """A real key: "ArrowDown", "Enter", "Tab", "j"."""
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40}
        codes |= {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}
        written = (
            {"text": "\r" if key == "Enter" else key} if key not in codes or key == "Enter" else {}
        )
        named = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper())), **more}
        self.call("Input.dispatchKeyEvent", type="keyDown", **named, **written)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def picture(self, path: Path, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(data["data"]))


class Frame:
    """A frame in a page, looked at from a world of its own."""

    def __init__(self, page: Page) -> None:
        frames = page.call("Page.getFrameTree")["frameTree"]["childFrames"]
        last = frames[-1]["frame"]["id"]
        made = page.call("Page.createIsolatedWorld", frameId=last)
        self._page, self._world = page, made["executionContextId"]

    def run(self, expression: str) -> Any:
        return self._page.run(expression, contextId=self._world)

    def wait(self, expression: str) -> None:
        waited(lambda: self.run(f"Boolean({expression})"), expression, WAIT)


def waited(tried: Callable[[], Any], what: str, seconds: float) -> Any:
    """The first true answer. Raises BrowserError if there is none in time."""
    end = time.monotonic() + seconds
    while not (value := tried()):
        if time.monotonic() > end:
            raise BrowserError(f"never true: {what}")
        time.sleep(0.02)
    return value


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser whose profile lies in `folder`."""
    opened = Browser(folder)
    try:
        yield opened
    finally:
        opened.close()
