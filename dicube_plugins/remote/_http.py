"""Files on web servers, read in ranges of one version (RFC 9110)."""

from __future__ import annotations

import errno
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from dicube_core.exceptions import ReaderClosedError, SettingsError
from dicube_core.path_source import short_read
from dicube_core.urls import shown_url
from dicube_plugins.remote._answers import no_address
from dicube_plugins.remote._pools import POOLS
from dicube_plugins.remote._received import FailedError, ReceivedFile, number

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from dicube_plugins.remote._answers import Version
    from dicube_plugins.remote._options import RemoteOptions

__all__ = ["HttpSource"]

#: Headers that say which bytes of which version are asked for.
_OURS = frozenset(("range", "accept-encoding", "if-match", "if-unmodified-since", "if-range"))
#: What a header may be called (RFC 9110, 5.6.2).
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
#: What a server says of an address that was good for some time.
_RUN_OUT = frozenset((401, 403, 404, 410))
_MOST_REDIRECTS = 8
#: Seconds before the first further try, twice as many before each one after it.
_PAUSE, _LONGEST_PAUSE = 0.1, 8.0
#: Bytes of answers that nobody wants which are read, so that the connection can be used again.
_DRAINED = 1 << 14


class HttpSource(ReceivedFile):
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
        super().__init__(shown_url(url), options, expected)
        self.requests = options.requests()
        self._given = (url, options, headers)
        try:
            self._url, own = _without_user(url)
        except ValueError:
            raise no_address(self.name) from None
        self._headers = {**own, **_sendable(headers, self.name)}
        #: Where the last request was redirected to.
        self._moved = ""
        self._closed = False
        self._front = b""
        self._front = self._try_again(0, options.front_bytes)

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
            except FailedError as failed:
                if not tries:
                    raise failed.error from failed.__cause__
                wait = min(_LONGEST_PAUSE, max(pause, failed.pause))
            tries, pause = tries - 1, 2 * pause
            time.sleep(wait)

    def _request(self, start: int, stop: int) -> bytes:
        """Make one request, following where it is sent to."""
        moved = self._moved  # other threads set it, too
        url = moved or self._url
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._get(url, start, stop)
            try:
                if response.status in _REDIRECTS:
                    url = self._target(url, response)
                elif moved and response.status in _RUN_OUT:
                    moved, url = "", self._url  # the server gives a new one
                else:
                    data = self._body(response, start, stop)
                    self._moved = url if url != self._url else ""
                    return data
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
        except LocationValueError:
            # Not as the cause: what it says is the address, with what gives access.
            raise no_address(self.name) from None
        except HTTPError as exc:
            raise self._failed(exc) from exc

    def _target(self, url: str, response: BaseHTTPResponse) -> str:
        """Return where a request is sent to."""
        location = response.headers.get("Location", "")
        try:
            target: str = urljoin(url, location)
            scheme = urlsplit(target).scheme
        except ValueError:
            scheme = ""
        if not location or scheme not in ("http", "https"):
            raise OSError(errno.EIO, "the server sends requests to no web address", self.name)
        if urlsplit(url).scheme == "https" and scheme == "http":
            raise OSError(
                errno.EIO, "the server sends requests on unencrypted, which is refused", self.name
            )
        return target


def _finish(response: BaseHTTPResponse) -> None:
    """Leave the connection to the next request, or close it: an answer may still be on its way."""
    if response.closed:
        return
    length = number(response.headers.get("Content-Length"))
    if length is not None and length <= _DRAINED:
        response.drain_conn()
    else:
        response.close()


def _sendable(headers: dict[str, str], name: str) -> dict[str, str]:
    """Refuse headers that cannot be sent, in words that do not say what is in them.

    Raises
    ------
    SettingsError
        A name is none of a header; a value is no text, or one with a line break or a character
        beyond Latin-1; or the header is one that each request sets.
    """
    for header, value in headers.items():
        if isinstance(header, str) and header.lower() in _OURS:
            raise SettingsError(
                f"{name}: the header {header} is set for each request by the reader itself",
                suggestion="leave it out",
            )
        text = value if isinstance(value, str) else "\n"
        named = isinstance(header, str) and _NAME.fullmatch(header)
        if not named or any(not " " <= c <= "\xff" and c != "\t" for c in text):
            raise SettingsError(
                f"{name}: the header {header!r:.40} cannot be sent: that is no name of one, or its "
                "value is no text, or has a line break or a character beyond Latin-1 in it",
                suggestion="the line break at the end of a file with a token? strip() it",
            )
    return headers


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
