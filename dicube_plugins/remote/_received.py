"""What a server sends: bytes of one version of a file, once what is said of them is checked."""

from __future__ import annotations

import errno
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as RequestTimeoutError

from dicube_core.checksum import crc32
from dicube_core.exceptions import InvalidCubeFileError, TruncatedFileError
from dicube_core.path_source import changed_file
from dicube_core.urls import shown_url
from dicube_plugins.remote._answers import Version, part_of, refusal, version_of

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from dicube_plugins.remote._options import RemoteOptions

__all__ = ["FailedError", "ReceivedFile", "number", "reason"]

#: Worth another try: too early, too many requests, and errors of the server or one between.
_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))
_PIECE = 1 << 20
#: What errors of urllib3 begin with.
_CONNECTION = re.compile(r"^<?[\w.]*HTTPS?Connection\w*[^:]*: ")


class FailedError(Exception):
    """A request that may go well if it is made again."""

    def __init__(self, error: OSError | InvalidCubeFileError, pause: float = 0.0) -> None:
        super().__init__(error)
        self.error, self.pause = error, pause


class ReceivedFile:
    """The version of a file, and the whole of one that has to be read so.

    Parameters
    ----------
    name : str
        Of the file, for errors.
    options : RemoteOptions
        How it is read.
    expected : Version or None
        What it must be.
    """

    def __init__(self, name: str, options: RemoteOptions, expected: Version | None) -> None:
        self.name = name
        self._options = options
        self._version = expected
        self._whole: bytes | None = None

    @property
    def version(self) -> Version:
        """Which version of the file is read."""
        assert self._version is not None  # noqa: S101 - the first answer gave it
        return self._version

    def _try_again(self, start: int, stop: int) -> bytes:
        """Read a range, making the request again where that may help."""
        raise NotImplementedError

    def _body(self, response: BaseHTTPResponse, start: int, stop: int) -> bytes:
        """Return the bytes asked for, after all that is said of them was found to be so."""
        status = response.status
        if status in _TRANSIENT:
            error = refusal(self.name, status, reason(response))
            raise FailedError(error, _pause(response))
        if status == 412:
            raise changed_file(self.name)
        if status == 416:
            return self._beyond(response)
        if status not in (200, 206):
            raise refusal(self.name, status, reason(response))
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise InvalidCubeFileError(
                f"{self.name}: the server answers in the encoding {encoding[:40]!r}, which was not "
                "asked for",
                suggestion="have it serve .dcbs files as they are, or download the file",
            )
        if status == 200:
            return self._all(response, start, stop)
        part = part_of(response.headers)
        if part is None or part.start != start or part.stop != min(stop, part.size):
            raise InvalidCubeFileError(
                f"{self.name}: bytes {start} to {stop} were asked for, the server answers with "
                f"{response.headers.get('Content-Range', 'none that it names')[:80]!r}",
                suggestion="the server, or one between, does not give parts of files as it should; "
                "download the file",
                details={"path": self.name, "offset": start},
            )
        found = version_of(response.headers, part.size)
        if found.is_told:
            self._note(found)
            return self._read(response, part.stop - part.start, start)
        if part.stop - part.start < part.size:
            return self._in_one_answer(part.size)[start:stop]
        self._keep(self._read(response, part.size, 0), found)
        return self._kept()[start:stop]

    def _keep(self, data: bytes, found: Version) -> None:
        """Keep a file that was read whole."""
        if not found.is_told:
            found = replace(found, checksum=crc32(data))
        self._note(replace(found, size=len(data)))
        self._whole = data

    def _kept(self) -> bytes:
        return self._whole or b""

    def _note(self, found: Version) -> None:
        """Take the version of the first answer; refuse any other."""
        if self._version is None:
            self._version = found
        elif found != self._version:
            raise changed_file(self.name)

    def _beyond(self, response: BaseHTTPResponse) -> bytes:
        """Take an answer of a file that has no such range: it is empty, or was longer."""
        size = response.headers.get("Content-Range", "").removeprefix("bytes */")
        if self._version is None and size == "0":
            self._version = version_of(response.headers, 0)
            return b""
        if self._version is None:
            raise InvalidCubeFileError(
                f"{self.name}: the server refuses to give the beginning of the file (416), and "
                f"says of its size {response.headers.get('Content-Range', 'nothing')[:80]!r}",
                suggestion="the server does not give parts of files as it should; download the "
                "file",
            )
        raise changed_file(self.name)

    def _in_one_answer(self, size: int) -> bytes:
        """Read a file whole that has nothing to tell versions by: parts could be of several."""
        if size > self._options.whole_bytes:
            raise self._too_large(size, "gives neither ETag nor Last-Modified")
        return self._try_again(0, size)

    def _all(self, response: BaseHTTPResponse, start: int, stop: int) -> bytes:
        """Take the whole file from a server that gives no parts, if it is not large."""
        length = number(response.headers.get("Content-Length"))
        known = self._version
        if known is not None and known.is_told:
            self._note(version_of(response.headers, known.size if length is None else length))
        if length is not None and length > self._options.whole_bytes:
            raise self._too_large(length, "gives no parts of files")
        self._keep(self._read(response, length, 0), version_of(response.headers, 0))
        return self._kept()[start:stop]

    def _too_large(self, size: int, why: str) -> InvalidCubeFileError:
        return InvalidCubeFileError(
            f"{self.name}: the server {why}, and the file has {size} bytes, more than whole_bytes, "
            f"{self._options.whole_bytes}, that are read in one",
            suggestion="download the file; or raise RemoteOptions.whole_bytes or the environment "
            "variable DICUBE_REMOTE_WHOLE_BYTES",
            details={"path": self.name},
        )

    def _read(self, response: BaseHTTPResponse, length: int | None, offset: int) -> bytes:
        """Read a body of so many bytes; of None to its end, within the limit."""
        most = self._options.whole_bytes if length is None else length
        said = number(response.headers.get("Content-Length"))
        parts, total = [], 0
        try:
            while total <= most:
                part = response.read(min(_PIECE, most + 1 - total))
                if not part:
                    break
                parts.append(part)
                total += len(part)
        except (HTTPError, OSError) as exc:
            raise self._failed(exc, self._cut(offset, length or said or 0, total)) from exc
        if total > most and length is None:
            raise self._too_large(total, "gives no parts of files")
        if total != most and length is not None:
            if total < most:
                raise FailedError(self._cut(offset, most, total))
            raise InvalidCubeFileError(f"{self.name}: the server answers with more than it says")
        return b"".join(parts)

    def _cut(self, offset: int, length: int, found: int) -> TruncatedFileError:
        return TruncatedFileError(
            f"{self.name}: {length} bytes expected at byte {offset}, the answer ends after {found}",
            suggestion="the connection is cut each time; try again, or download the file",
            details={"path": self.name, "offset": offset},
        )

    def _failed(
        self, exc: Exception, cut: TruncatedFileError | None = None
    ) -> FailedError | OSError:
        """Return the error of a request that was not answered."""
        if isinstance(exc, SSLError):
            return ConnectionError(
                errno.ECONNABORTED, f"no secure connection: {_brief(exc)}", self.name
            )
        # That of a connection that was refused is derived from that of a timeout.
        if isinstance(exc, RequestTimeoutError) and not isinstance(exc, NewConnectionError):
            text = f"no answer in {self._options.timeout:g} s (the option timeout)"
            return FailedError(TimeoutError(errno.ETIMEDOUT, text, self.name))
        if cut is not None:
            return FailedError(cut)
        text = f"the server cannot be reached: {_brief(exc)}"
        return FailedError(ConnectionError(errno.ECONNREFUSED, text, self.name))


def reason(response: BaseHTTPResponse) -> str:
    """Return what the server calls its status."""
    return (response.reason or "")[:80]


def _pause(response: BaseHTTPResponse) -> float:
    """Return for how many seconds the server asks not to be asked (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def number(text: str | None) -> int | None:
    """Return a length that a header says, None where it says none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _brief(exc: Exception) -> str:
    """Return what an error says without addresses: they may have a signature in them."""
    text = _CONNECTION.sub("", str(exc.args[-1] if exc.args else exc))
    words = (shown_url(word) if "://" in word or "?" in word else word for word in text.split())
    return " ".join(words)[:200]
