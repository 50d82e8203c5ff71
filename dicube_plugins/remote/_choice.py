"""Which way a file in a store is read."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import MissingDependencyError
from dicube_core.urls import shown_url
from dicube_plugins.remote._options import RemoteOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicube_core.source import RemoteByteSource

__all__ = ["remote_source"]

_HTTP = ("http", "https")
#: What reads a scheme, where it is not part of fsspec itself, and how it is installed.
_EXTRAS = {"s3": "dicube-plugins[s3]", "s3a": "dicube-plugins[s3]"}


def remote_source(
    url: str,
    *,
    options: RemoteOptions | None = None,
    headers: Mapping[str, str] | None = None,
    **storage_options: Any,
) -> RemoteByteSource:
    """Open a file in a store; the result goes to everything that takes a ``.dcbs`` file.

    Parameters
    ----------
    url : str
        ``https://...`` or ``http://...``; else any address that fsspec knows, such as
        ``s3://bucket/series.dcbs``, also a chain (``simplecache::s3://...``).
    options : RemoteOptions, optional
        Times, tries, and how much is asked for at once; by default what the environment says.
    headers : mapping of str to str, optional
        Of each HTTP request, such as ``{"Authorization": "Bearer ..."}``. They are not sent on
        to another server that a request is redirected to, and stand in no message.
    **storage_options
        Given to the file system, as by ``fsspec.open`` (``anon=True``, ``endpoint_url=...``).

    Returns
    -------
    ByteSource
        Safe for several threads and after fork. Pickles as address, options (with what gives
        access among them) and what tells this version of the file from others.

    Raises
    ------
    MissingDependencyError
        A package is needed; the message says how to install it.
    FileNotFoundError, PermissionError, OSError
        The file is not there, not to be had, or its server does not answer.
    InvalidCubeFileError
        The server gives no parts of files, and this one is large.
    SettingsError
        A header cannot be sent, or the environment says what cannot be.

    Notes
    -----
    The file must stay the same while it is read. HTTP and S3 see to it with each request (the
    ETag); of other stores see ``docs/remote.md``.
    """
    if not isinstance(url, str):
        raise TypeError(f"an address is a text, not {type(url).__name__}: give files as they are")
    options = RemoteOptions.of_environment() if options is None else options
    if url.partition("://")[0].lower() in _HTTP:
        if storage_options:
            raise TypeError(
                f"{shown_url(url)}: no options {', '.join(sorted(storage_options))} for HTTP; "
                "there are options and headers"
            )
        require("urllib3", url)
        from dicube_plugins.remote._http import HttpSource

        return HttpSource(url, options, dict(headers or {}))
    if headers is not None:
        storage_options["headers"] = dict(headers)
    require("fsspec", url)
    from dicube_plugins.remote._fsspec import FsspecSource
    from dicube_plugins.remote._where import Address

    return FsspecSource(Address(url, storage_options), options)


def require(package: str, url: str) -> None:
    """Refuse an address that nothing is installed for.

    Raises
    ------
    MissingDependencyError
        Names the extra.
    """
    if find_spec(package) is None:
        scheme = url.partition("://")[0].rpartition("::")[2].lower()
        raise missing(f"{package} is needed to read {shown_url(url)}", scheme)


def missing(text: str, scheme: str) -> MissingDependencyError:
    """Return the error of a package that is not there."""
    extra = _EXTRAS.get(scheme, "dicube-plugins[remote]")
    return MissingDependencyError(text, suggestion=f"pip install '{extra}'")
