"""``.dcbs`` files in imageio.

`dicube_plugins.install("imageio")` registers `DcbsPlugin` under the name ``dcbs``. It also works by
itself: ``iio.imread(path, plugin=DcbsPlugin)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from dicube_plugins.imageio.plugin import DcbsPlugin

__all__ = ["DcbsPlugin"]


def __getattr__(name: str) -> Any:
    """Import the class when it is first used: registering it needs its name only."""
    if name == "DcbsPlugin":
        try:
            import imageio as _  # noqa: F401 - to say in our words that it is missing
        except ImportError as exc:
            raise MissingDependencyError(
                "imageio is not installed", suggestion="pip install 'dicube-plugins[imageio]'"
            ) from exc
        from dicube_plugins.imageio.plugin import DcbsPlugin

        return DcbsPlugin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
