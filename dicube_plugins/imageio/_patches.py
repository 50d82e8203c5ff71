"""What is changed in imageio: its configuration, and whom it asks first about files of any name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imageio.config import FileExtension, PluginConfig, extension_list, known_extensions
from imageio.config import known_plugins as plugins

from dicube_plugins.patching import AddToList, SetAttribute, SetItem

if TYPE_CHECKING:
    from dicube_plugins.patching import Patch

__all__ = ["patches"]

_NAME, _EXTENSION = "dcbs", ".dcbs"


class _OursFirst(Mapping[str, Any]):
    """imageio's plugins as they are at any moment, ours in front.

    Where no extension tells, imageio asks one plugin after another, those for DICOM early. Where
    pydicom reads ``.dcbs`` files, they would take ours, and apply the display window to the values.
    """

    def __init__(self, plugins: Mapping[str, Any]) -> None:
        self._plugins = plugins

    def __getitem__(self, name: str) -> Any:
        return self._plugins[name]

    def __len__(self) -> int:
        return len(self._plugins)

    def __iter__(self) -> Iterator[str]:
        if _NAME in self._plugins:
            yield _NAME
        yield from (name for name in self._plugins if name != _NAME)


def patches() -> list[Patch]:
    """Return the changes: a plugin, which imageio imports when it needs it, and its extension."""
    config = PluginConfig(
        name=_NAME, class_name="DcbsPlugin", module_name="dicube_plugins.imageio.plugin"
    )
    extension = FileExtension(
        name="DICOM series in one file",
        description="CT, MR and PET series, lossless in HTJ2K, with the headers of all slices.",
        extension=_EXTENSION,
        priority=[_NAME],
    )
    extension.volume_support = True
    known = f"imageio.config.known_extensions: {_EXTENSION!r} is read by {_NAME!r}"
    others = known_extensions.get(_EXTENSION)
    # `imageio.core.imopen` is a function; the module of this name is hidden by it.
    imopen = import_module("imageio.core.imopen")
    return [
        SetItem(plugins, _NAME, config, f"imageio.config.known_plugins: {_NAME!r} added"),
        AddToList(extension_list, extension, f"imageio.config.extension_list: {_EXTENSION!r}"),
        SetItem(known_extensions, _EXTENSION, [extension], known)
        if others is None
        else AddToList(others, extension, known, first=True),
        SetAttribute(imopen, "known_plugins", _OursFirst(plugins)),
    ]
