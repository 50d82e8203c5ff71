"""A web server with one file or some, that gives ranges, notes them, and can be made to fail."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Asked", "FileServer", "serving"]

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(frozen=True)
class Asked:
    """A request that came in; `start` is -1 without a range."""

    path: str
    start: int
    stop: int
    headers: dict[str, str]

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass
class FileServer:
    """What is served, and how. Change it between requests.

    `trouble` is called with the handler and the number of the request, from 0; if it returns True
    it has answered.
    """

    data: bytes
    #: Other files by their paths.
    others: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"one"'
    modified: str = "Mon, 02 Nov 2026 10:00:00 GMT"
    ranges: bool = True
    conditions: bool = True
    delay: float = 0.0
    #: Bytes per second that all bodies together take; None for as many as there may be.
    bandwidth: float | None = None
    trouble: Callable[[_Handler, int], bool] | None = None
    log: list[Asked] = field(default_factory=list)
    #: Lengths of the bodies that were sent.
    answered: list[int] = field(default_factory=list)
    busy: int = 0
    most_at_once: int = 0
    connections: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        self.lock, self.link = threading.Lock(), threading.Lock()

    @property
    def sent(self) -> int:
        """Bytes of ranges that were asked for."""
        return sum(asked.length for asked in self.log)

    def clear(self) -> None:
        self.log.clear()
        self.answered.clear()
        self.most_at_once = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body are sent one after the other; the second would wait for the first's receipt.
    disable_nagle_algorithm = True
    file: FileServer

    def log_message(self, *_: object) -> None:
        pass

    def setup(self) -> None:
        super().setup()
        with self.file.lock:
            self.file.connections += 1

    def do_HEAD(self) -> None:
        self.reply(200, self.file.data, {"Accept-Ranges": "bytes"}, cut=0)

    def do_GET(self) -> None:
        file = self.file
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        start, stop = (int(found[1]), int(found[2]) + 1) if found else (-1, -1)
        with file.lock:
            number = len(file.log)
            file.log.append(Asked(self.path, start, stop, dict(self.headers)))
            file.busy += 1
            file.most_at_once = max(file.most_at_once, file.busy)
        try:
            time.sleep(file.delay)
            if file.trouble is None or not file.trouble(self, number):
                self.answer(start, stop)
        finally:
            with file.lock:
                file.busy -= 1

    def answer(self, start: int, stop: int) -> None:
        file = self.file
        data = file.others.get(self.path, file.data)
        if file.conditions and not self._is_wanted():
            self.reply(412)
        elif start < 0 or not file.ranges:
            self.reply(200, data)
        elif start >= len(data):
            self.reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        else:
            stop = min(stop, len(data))
            said = f"bytes {start}-{stop - 1}/{len(data)}"
            self.reply(206, data[start:stop], {"Content-Range": said})

    def _is_wanted(self) -> bool:
        wanted = self.headers.get("If-Match")
        if wanted is not None:
            return wanted == self.file.etag
        unchanged = self.headers.get("If-Unmodified-Since")
        return unchanged is None or unchanged == self.file.modified

    def reply(
        self,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        """Answer; with `cut`, close the connection after so many bytes of the body."""
        self.file.answered.append(len(body))
        self.send_response(status)
        own = {"Content-Length": str(len(body)), **(headers or {})}
        if status in (200, 206):
            own = {"ETag": self.file.etag, "Last-Modified": self.file.modified, **own}
        for name, value in own.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.file.bandwidth is not None:
            with self.file.link:
                time.sleep(len(body) / self.file.bandwidth)
        try:
            self.wfile.write(body if cut is None else body[:cut])
            self.wfile.flush()
        except OSError:  # nobody waits for it any more
            self.close_connection = True
        if cut is not None:
            self.close_connection = True


@contextmanager
def serving(data: bytes, path: str = "/series.dcbs", **options: object) -> Iterator[FileServer]:
    """Serve a file on a port of this machine."""
    file = FileServer(data, **options)  # type: ignore[arg-type]
    handler = type("_Handler", (_Handler,), {"file": file})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    file.url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    try:
        yield file
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
