"""``.dcbs`` files in imageio.

`dicube_plugins.install("imageio")` registers `DcbsPlugin` under the name ``dcbs``. It also works by
itself: ``iio.imread(path, plugin=DcbsPlugin)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicube_plugins.imageio.plugin import DcbsPlugin

__all__ = ["DcbsPlugin"]


def __getattr__(name: str) -> Any:
    """Import the class when it is first used: registering it needs its name only."""
    if name == "DcbsPlugin":
        from dicube_plugins.imageio.plugin import DcbsPlugin

        return DcbsPlugin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
