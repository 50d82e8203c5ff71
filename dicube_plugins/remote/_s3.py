"""S3: each range is asked for on condition that the object is still the one that was opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["info", "is_s3", "read"]

_FAILED = "PreconditionFailed"


def is_s3(system: AbstractFileSystem) -> bool:
    """Tell whether a file system is that of ``s3fs``."""
    protocol = system.protocol
    names = (protocol,) if isinstance(protocol, str) else protocol
    return "s3" in names and hasattr(system, "_call_s3") and hasattr(system, "split_path")


def info(system: AbstractFileSystem, path: str) -> dict[str, Any]:
    """Return what the store says of an object now, not what it said before."""
    found: dict[str, Any] = system.info(path, refresh=True)
    return found


def read(system: Any, path: str, start: int, stop: int, etag: str) -> bytes | None:
    """Return a range of an object, None where it is another one than that of the ETag."""
    from fsspec.asyn import sync

    found: bytes | None = sync(system.loop, _read, system, path, start, stop, etag)
    return found


async def _read(system: Any, path: str, start: int, stop: int, etag: str) -> bytes | None:
    bucket, key, version = system.split_path(path)
    own = {"VersionId": version} if version else {}
    try:
        answer = await system._call_s3(  # noqa: SLF001 - of no public one a condition can be asked
            "get_object",
            Bucket=bucket,
            Key=key,
            Range=f"bytes={start}-{stop - 1}",
            IfMatch=etag,
            **own,
        )
    except OSError as exc:
        if _is_precondition(exc):
            return None
        raise
    body = answer["Body"]
    try:
        data: bytes = await body.read()
    finally:
        body.close()
    # Servers that are like S3 may not know the condition.
    return data if answer.get("ETag", etag) == etag else None


def _is_precondition(error: BaseException | None) -> bool:
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            said = response.get("Error", {}).get("Code"), response.get("ResponseMetadata", {})
            return said[0] in (_FAILED, "412") or said[1].get("HTTPStatusCode") == 412
        error = error.__cause__
    return False
