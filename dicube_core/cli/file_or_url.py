"""Arguments of commands that read a file: wherever it is, or from a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dicube_core.urls import is_url, path_or_url, shown_url

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem

__all__ = ["FILE_OR_URL", "LOCAL_PATH"]


class _FileOrUrl(click.ParamType):  # type: ignore[type-arg]  # not generic at run time before 8.2
    """A path, or a text such as ``https://...`` or ``s3://...``, which stays as it is."""

    name = "file or address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Return a path or an address."""
        del param, ctx
        return path_or_url(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete file names."""
        return [] if is_url(incomplete) else click.Path().shell_complete(ctx, param, incomplete)


class _LocalPath(_FileOrUrl):
    """A path; an address is refused as what it is, not as a file that is not there."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Return a path."""
        found = super().convert(value, param, ctx)
        if isinstance(found, str):
            self.fail(f"{shown_url(found)} is an address; copy it to a disk first", param, ctx)
        return found


FILE_OR_URL = _FileOrUrl()
LOCAL_PATH = _LocalPath()
