"""Files on web servers, read in ranges of one version (RFC 9110)."""

from __future__ import annotations

import errno
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as RequestTimeoutError

from dicube_core.checksum import crc32
from dicube_core.exceptions import InvalidCubeFileError, ReaderClosedError, TruncatedFileError
from dicube_core.path_source import changed_file, short_read
from dicube_core.urls import shown_url
from dicube_plugins.remote._answers import Version, part_of, refusal, version_of
from dicube_plugins.remote._pools import POOLS

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from dicube_plugins.remote._options import RemoteOptions

__all__ = ["HttpSource"]

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_REDIRECTS = 8
#: Worth another try: too early, too many requests, and errors of the server or one between.
_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))
#: Seconds before the first further try, twice as many before each one after it.
_PAUSE, _LONGEST_PAUSE = 0.1, 8.0
_PIECE = 1 << 20
#: Bytes of answers that nobody wants which are read, so that the connection can be used again.
_DRAINED = 1 << 14
#: What errors of urllib3 begin with.
_CONNECTION = re.compile(r"^<?[\w.]*HTTPS?Connection\w*[^:]*: ")


class _FailedError(Exception):
    """A request that may go well if it is made again."""

    def __init__(self, error: OSError | InvalidCubeFileError, pause: float = 0.0) -> None:
        super().__init__(error)
        self.error, self.pause = error, pause


class HttpSource:
    """A file on a web server. Safe for threads and after fork; see `remote_source`.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``; may have user and password.
    options : RemoteOptions
        How it is read.
    headers : dict
        Of each request.
    expected : Version, optional
        What it must be; anything else is an error.
    """

    def __init__(
        self,
        url: str,
        options: RemoteOptions,
        headers: dict[str, str],
        expected: Version | None = None,
    ) -> None:
        self.name = shown_url(url)
        self.requests = options.requests()
        self._given = (url, options, headers)
        self._options = options
        self._url, own = _without_user(url)
        self._headers = {**own, **headers}
        self._version = expected
        #: Where the last request was redirected to.
        self._moved = ""
        self._whole: bytes | None = None
        self._closed = False
        self._front = b""
        self._front = self._try_again(0, options.front_bytes)

    @property
    def version(self) -> Version:
        """Which version of the file is read."""
        assert self._version is not None  # noqa: S101 - the first answer gave it
        return self._version

    def size(self) -> int:
        """Return the size of the file."""
        return self.version.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`, of the version that was opened.

        Raises
        ------
        InvalidCubeFileError
            The file on the server is another one now, or the server cannot give parts of it.
        TruncatedFileError
            The source ends before.
        OSError
            The server does not answer, or refuses.
        """
        if self._closed:
            raise ReaderClosedError(f"{self.name}: the file was closed")
        size = self.size()
        stop = offset + length
        if stop > size:
            raise short_read(self.name, offset, length, max(0, size - offset))
        if not length:
            return b""
        for kept in (self._front, self._whole):
            if kept is not None and stop <= len(kept):
                return kept[offset:stop]
        return self._try_again(offset, stop)

    def close(self) -> None:
        """Read no more; connections are left to other sources of the process."""
        self._closed = True
        self._front, self._whole = b"", None

    def __reduce__(self) -> tuple[Any, ...]:
        return HttpSource, (*self._given, self._version)

    # -- requests -------------------------------------------------------------------------------

    def _try_again(self, start: int, stop: int) -> bytes:
        """Read a range, making the request again where that may help."""
        tries, pause = self._options.retries, _PAUSE
        while True:
            try:
                return self._request(start, stop)
            except _FailedError as failed:
                if not tries:
                    raise failed.error from failed.__cause__
                wait = min(_LONGEST_PAUSE, max(pause, failed.pause))
            tries, pause = tries - 1, 2 * pause
            time.sleep(wait)

    def _request(self, start: int, stop: int) -> bytes:
        """Make one request, following where it is sent to."""
        url = self._moved or self._url
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._get(url, start, stop)
            try:
                if response.status not in _REDIRECTS:
                    if self._moved and response.status in (401, 403, 404, 410):
                        # An address that was good for some time; the server gives a new one.
                        self._moved = ""
                        raise _FailedError(refusal(self.name, response.status, _reason(response)))
                    data = self._body(response, start, stop)
                    self._moved = url if url != self._url else ""
                    return data
                url = self._target(url, response)
            finally:
                _finish(response)
        raise OSError(errno.ELOOP, "the server sends requests round in circles", self.name)

    def _get(self, url: str, start: int, stop: int) -> BaseHTTPResponse:
        conditions = {} if self._version is None else self._version.conditions
        own = self._headers if _server(url) == _server(self._url) else {}
        headers = {
            **own,
            **conditions,
            "Range": f"bytes={start}-{stop - 1}",
            # A compressed answer has other bytes at these places.
            "Accept-Encoding": "identity",
        }
        try:
            return POOLS.for_url(url).request(
                "GET",
                url,
                headers=headers,
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=self._options.timeout, read=self._options.timeout),
            )
        except HTTPError as exc:
            raise self._failed(exc) from exc

    def _target(self, url: str, response: BaseHTTPResponse) -> str:
        """Return where a request is sent to."""
        location = response.headers.get("Location", "")
        target: str = urljoin(url, location)
        scheme = urlsplit(target).scheme
        if not location or scheme not in ("http", "https"):
            raise OSError(errno.EIO, "the server sends requests to no web address", self.name)
        if urlsplit(url).scheme == "https" and scheme == "http":
            raise OSError(
                errno.EIO, "the server sends requests on unencrypted, which is refused", self.name
            )
        return target

    # -- answers --------------------------------------------------------------------------------

    def _body(self, response: BaseHTTPResponse, start: int, stop: int) -> bytes:
        """Return the bytes asked for, after all that is said of them was found to be so."""
        status = response.status
        if status in _TRANSIENT:
            error = refusal(self.name, status, _reason(response))
            raise _FailedError(error, _pause(response))
        if status == 412:
            raise changed_file(self.name)
        if status == 416:
            return self._beyond(response)
        if status not in (200, 206):
            raise refusal(self.name, status, _reason(response))
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
        raise changed_file(self.name)

    def _in_one_answer(self, size: int) -> bytes:
        """Read a file whole that has nothing to tell versions by: parts could be of several."""
        if size > self._options.whole_bytes:
            raise self._too_large(size, "gives neither ETag nor Last-Modified")
        return self._try_again(0, size)

    def _all(self, response: BaseHTTPResponse, start: int, stop: int) -> bytes:
        """Take the whole file from a server that gives no parts, if it is not large."""
        length = _number(response.headers.get("Content-Length"))
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
        said = _number(response.headers.get("Content-Length"))
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
                raise _FailedError(self._cut(offset, most, total))
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
    ) -> _FailedError | OSError:
        """Return the error of a request that was not answered."""
        if isinstance(exc, LocationValueError):
            return OSError(errno.EINVAL, "this is no web address", self.name)
        if isinstance(exc, SSLError):
            return ConnectionError(
                errno.ECONNABORTED, f"no secure connection: {_brief(exc)}", self.name
            )
        # That of a connection that was refused is derived from that of a timeout.
        if isinstance(exc, RequestTimeoutError) and not isinstance(exc, NewConnectionError):
            text = f"no answer in {self._options.timeout:g} s (the option timeout)"
            return _FailedError(TimeoutError(errno.ETIMEDOUT, text, self.name))
        if cut is not None:
            return _FailedError(cut)
        text = f"the server cannot be reached: {_brief(exc)}"
        return _FailedError(ConnectionError(errno.ECONNREFUSED, text, self.name))


def _finish(response: BaseHTTPResponse) -> None:
    """Leave the connection to the next request, or close it: an answer may still be on its way."""
    if response.closed:
        return
    length = _number(response.headers.get("Content-Length"))
    if length is not None and length <= _DRAINED:
        response.drain_conn()
    else:
        response.close()


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """Return an address without user and password, and the header that says them."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    name, _, password = user.partition(":")
    said = urllib3.make_headers(basic_auth=f"{unquote(name)}:{unquote(password)}")
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": said["authorization"]}


def _server(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _reason(response: BaseHTTPResponse) -> str:
    return (response.reason or "")[:80]


def _pause(response: BaseHTTPResponse) -> float:
    """Return for how many seconds the server asks not to be asked (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _brief(exc: Exception) -> str:
    """Return what an error says without addresses: they may have a signature in them."""
    text = _CONNECTION.sub("", str(exc.args[-1] if exc.args else exc))
    words = (shown_url(word) if "://" in word or "?" in word else word for word in text.split())
    return " ".join(words)[:200]
