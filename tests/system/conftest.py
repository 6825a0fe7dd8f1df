"""A real browser for the system tests. A missing part fails the test that needs it; nothing here is skipped."""

import functools
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

BROWSER_S = 120


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's Chromium."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("Chromium is missing; `make test-system` installs it when run as root on Debian")
    return found


@pytest.fixture
def watch(chromium: str, tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """watch(folder): opens the folder's index.html and returns what the page sends by `fetch("/ended?" + text)`.

    Only `localhost` resolves: nothing can come from a network.
    """
    started: list[tuple[subprocess.Popen, ThreadingHTTPServer]] = []

    def open_page(folder: Path) -> str:
        ended: queue.Queue[str] = queue.Queue()
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Folder, ended, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--autoplay-policy=no-user-gesture-required",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
            "--remote-debugging-port=0",  # stays open until it is ended
            f"--user-data-dir={tmp_path / 'browser'}",
            f"http://localhost:{server.server_port}/index.html",
        ]
        with (tmp_path / "browser.log").open("w") as log:
            started.append((subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True), server))
        try:
            return ended.get(timeout=BROWSER_S)
        except queue.Empty:
            pytest.fail(f"the page sent nothing in {BROWSER_S} s\n{(tmp_path / 'browser.log').read_text()}")

    yield open_page
    for browser, server in started:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
        server.shutdown()
        server.server_close()


class _Folder(SimpleHTTPRequestHandler):
    """Files of a folder, and one address at which the page says how it ended."""

    def __init__(self, ended: "queue.Queue[str]", *args: Any, **settings: Any) -> None:
        self.ended = ended
        super().__init__(*args, **settings)

    def do_GET(self) -> None:
        path, _, text = self.path.partition("?")
        if path == "/ended":
            self.ended.put(unquote(text))
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Requests are not worth a line each."""
