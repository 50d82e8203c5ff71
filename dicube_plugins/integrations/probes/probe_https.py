"""`dicube_core.open` of an address, of a server on this machine that gives ranges."""

from __future__ import annotations

import http.server
import sys
import threading
from pathlib import Path

import numpy as np

import dicube_core

DATA = Path(sys.argv[1]).read_bytes()


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives ranges of one file (RFC 9110, 14)."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the range that is asked for."""
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(DATA) - int(last))
        end = min(len(DATA), int(last) + 1 if first and last else len(DATA))
        part = b"" if self.command == "HEAD" else DATA[start:end]
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"probe"')
        self.send_header("Content-Length", str(end - start))
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(DATA)}")
        self.end_headers()
        if part:
            self.wfile.write(part)

    do_HEAD = do_GET  # noqa: N815 - named by the method of HTTP

    def log_message(self, *_: object) -> None:
        """Say nothing."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/study.dcbs"
values = dicube_core.load(address).get_fdata("float64")
with dicube_core.open(address) as reader:
    geometry = reader.geometry
affine = np.empty(0) if geometry is None else geometry.affine_xyz_ras
np.savez(sys.argv[2], values=values, affine=affine)
