"""Put a function around a static method, reversibly."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ReplaceStatic"]


class ReplaceStatic:
    """As `dicube_plugins.patching.Replace`, for static methods, which objects call without self.

    Parameters
    ----------
    owner : class
        Where the method stands.
    name : str
        Its name.
    function : callable
        Called with the original function and then the arguments of the call.
    """

    def __init__(self, owner: type, name: str, function: Callable[..., Any]) -> None:
        self._owner, self._name, self._function = owner, name, function
        self._own: Any = None
        self._ours: Any = None
        self._active = False

    @property
    def what(self) -> str:
        """The place, and that calls pass through us."""
        owner = self._owner
        place = f"{owner.__module__}.{owner.__qualname__}.{self._name}"
        return f"{place}: calls are looked at for .dcbs files"

    def apply(self) -> None:
        """Put the function in place."""
        self._own = vars(self._owner)[self._name]
        original = getattr(self._owner, self._name)

        @functools.wraps(original)
        def around(*args: Any, **kwargs: Any) -> Any:
            if not self._active:
                return original(*args, **kwargs)
            return self._function(original, *args, **kwargs)

        self._ours = staticmethod(around)
        setattr(self._owner, self._name, self._ours)
        self._active = True

    def revert(self) -> str:
        """Put the original back, unless others have replaced ours."""
        self._active = False
        if vars(self._owner).get(self._name) is not self._ours:
            owner = f"{self._owner.__module__}.{self._owner.__qualname__}"
            return f"{owner}.{self._name} was replaced by others and is left to them"
        setattr(self._owner, self._name, self._own)
        return ""
