"""The plugin that reads from stores. Light: what it needs is imported when a file is opened."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dicube_core.path_source import PathSource
from dicube_core.urls import is_url
from dicube_plugins.hookspecs import hookimpl
from dicube_plugins.remote import RemoteOptions, remote_source

if TYPE_CHECKING:
    from dicube_core.source import ByteSource

__all__ = ["dicube_open_source"]

#: Schemes that are ours whether what reads them is installed or not.
_OURS = frozenset(
    (
        *("http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "ftp", "sftp"),
        *("ssh", "smb", "hdfs", "webhdfs", "hf", "memory", "github", "oci", "dropbox", "box"),
    )
)


@hookimpl
def dicube_open_source(source: object) -> ByteSource | None:
    """Open an address, or a file of an fsspec file system that nobody has opened yet."""
    if isinstance(source, str) and is_url(source):
        scheme = source.partition("://")[0].lower()
        if scheme == "file":
            return PathSource(_local_path(source))
        if scheme in _OURS or "::" in source or _is_known(scheme):
            return remote_source(source)
        return None
    system, path = getattr(source, "fs", None), getattr(source, "path", None)
    if hasattr(system, "cat_file") and isinstance(path, str):
        from dicube_plugins.remote._fsspec import FsspecSource
        from dicube_plugins.remote._where import FileOf

        return FsspecSource(FileOf(system, path), RemoteOptions.of_environment())
    return None


def _local_path(url: str) -> str:
    """Return the path of a ``file://`` address (RFC 8089)."""
    parts = urlsplit(url)
    # As fsspec does: what is no host there is part of the path.
    host = "" if parts.netloc in ("", "localhost") else parts.netloc
    return unquote(host + parts.path)


def _is_known(scheme: str) -> bool:
    """Tell whether fsspec knows a scheme, of its own or from another package."""
    if find_spec("fsspec") is None:
        return False
    import fsspec

    return scheme in fsspec.available_protocols()
