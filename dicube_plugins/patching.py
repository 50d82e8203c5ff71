"""Reversible changes to other packages: each knows what it changed and puts exactly that back."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

__all__ = [
    "AddToList",
    "Call",
    "Patch",
    "PatchError",
    "Replace",
    "SetAttribute",
    "SetItem",
    "apply_all",
    "revert_all",
]

_ABSENT = object()


class PatchError(DicomCubeError, RuntimeError):
    """A change to another package could not be made or taken back."""


@runtime_checkable
class Patch(Protocol):
    """One change. Not safe for several threads: the installer holds a lock meanwhile."""

    @property
    def what(self) -> str:
        """What is changed, for people: the place, and what stands there afterwards."""
        ...

    def apply(self) -> None:
        """Make the change."""
        ...

    def revert(self) -> str:
        """Take the change back.

        Returns
        -------
        str
            Empty if all is as it was. Else, why something had to stay: others have built upon
            the change meanwhile. What stays must have no effect any more.
        """
        ...


class Replace:
    """Put a function around a function or method of another package.

    Code that holds the new function after `revert`, because it took it by name, calls the
    original through it.

    Parameters
    ----------
    owner : module or class
        Where the function stands.
    name : str
        Its name.
    function : callable
        Called with the original function and then the arguments of the call, which start with
        the object or the class where it is a method or class method.
    """

    def __init__(self, owner: Any, name: str, function: Callable[..., Any]) -> None:
        self._owner, self._name = owner, name
        self._function = function
        self._own: Any = _ABSENT  # as it stands in the owner itself, unbound
        self._ours: Any = None
        self._active = False

    @property
    def what(self) -> str:
        """The place, and that calls pass through us."""
        return f"{_title(self._owner)}.{self._name}: calls are looked at for .dcbs files"

    def apply(self) -> None:
        """Put the function in place."""
        self._own = vars(self._owner).get(self._name, _ABSENT)
        found = inspect.getattr_static(self._owner, self._name)
        kind = type(found) if isinstance(found, staticmethod | classmethod) else None
        original = getattr(self._owner, self._name) if kind is None else found.__func__

        @functools.wraps(original)
        def around(*args: Any, **kwargs: Any) -> Any:
            if not self._active:
                return original(*args, **kwargs)
            return self._function(original, *args, **kwargs)

        around.__module__, around.__qualname__ = self._place()  # by which it is pickled
        self._ours = around if kind is None else kind(around)
        setattr(self._owner, self._name, self._ours)
        self._active = True

    def _place(self) -> tuple[str, str]:
        """Return module and qualified name under which the function is found."""
        if inspect.isclass(self._owner):
            return self._owner.__module__, f"{self._owner.__qualname__}.{self._name}"
        return self._owner.__name__, self._name

    def revert(self) -> str:
        """Put the original back, unless others have replaced ours."""
        self._active = False
        if vars(self._owner).get(self._name, _ABSENT) is not self._ours:
            return f"{_title(self._owner)}.{self._name} was replaced by others and is left to them"
        _put_back(self._owner, self._name, self._own)
        return ""


class SetAttribute:
    """Give an attribute of another package another value.

    Parameters
    ----------
    owner : module, class or object
        Where it stands.
    name : str
        Its name.
    value : object
        The new value.
    """

    def __init__(self, owner: Any, name: str, value: object) -> None:
        self._owner, self._name, self._value = owner, name, value
        self._own: Any = _ABSENT

    @property
    def what(self) -> str:
        """The place."""
        return f"{_title(self._owner)}.{self._name}: set"

    def apply(self) -> None:
        """Set the value."""
        self._own = vars(self._owner).get(self._name, _ABSENT)
        setattr(self._owner, self._name, self._value)

    def revert(self) -> str:
        """Put the value back, unless others have set another."""
        if vars(self._owner).get(self._name, _ABSENT) is not self._value:
            return f"{_title(self._owner)}.{self._name} was set by others and is left to them"
        _put_back(self._owner, self._name, self._own)
        return ""


class AddToList:
    """Add an item to a list that another package goes through.

    Parameters
    ----------
    items : list
        The list; it stays the same object.
    item : object
        What to add.
    what : str
        Name of the list and of the item, for people.
    first : bool
        In front of all others instead of behind them.
    """

    def __init__(self, items: list[Any], item: object, what: str, *, first: bool = False) -> None:
        self._items, self._item, self._first = items, item, first
        self.what = what

    def apply(self) -> None:
        """Add the item."""
        self._items.insert(0 if self._first else len(self._items), self._item)

    def revert(self) -> str:
        """Remove the item; nothing happens if others have removed it."""
        for position, item in enumerate(self._items):
            if item is self._item:
                del self._items[position]
                break
        return ""


class SetItem:
    """Put an entry into a mapping of another package.

    Parameters
    ----------
    mapping : mutable mapping
        The mapping; it stays the same object.
    key, value : object
        The entry.
    what : str
        Name of the mapping and of the entry, for people.
    """

    def __init__(
        self, mapping: MutableMapping[Any, Any], key: object, value: object, what: str
    ) -> None:
        self._mapping, self._key, self._value = mapping, key, value
        self._own: Any = _ABSENT
        self.what = what

    def apply(self) -> None:
        """Put the entry in."""
        self._own = self._mapping.get(self._key, _ABSENT)
        self._mapping[self._key] = self._value

    def revert(self) -> str:
        """Put back what stood there, unless others have put in something else."""
        if self._mapping.get(self._key, _ABSENT) is not self._value:
            return f"{self.what}: was changed by others and is left to them"
        if self._own is _ABSENT:
            del self._mapping[self._key]
        else:
            self._mapping[self._key] = self._own
        return ""


class Call:
    """A change made through functions of the other package.

    Parameters
    ----------
    what : str
        What is changed, for people.
    do, undo : callable
        Without arguments. `undo` may return why something had to stay.
    """

    def __init__(self, what: str, do: Callable[[], object], undo: Callable[[], object]) -> None:
        self.what = what
        self._do, self._undo = do, undo

    def apply(self) -> None:
        """Make the change."""
        self._do()

    def revert(self) -> str:
        """Take it back."""
        left = self._undo()
        return left if isinstance(left, str) else ""


def apply_all(patches: Sequence[Patch]) -> None:
    """Apply all patches, or none.

    Raises
    ------
    PatchError
        One of them failed; those before it were taken back.
    """
    done: list[Patch] = []
    for patch in patches:
        try:
            patch.apply()
        except Exception as exc:
            left = revert_all(done)
            rest = f"; not taken back: {'; '.join(left)}" if left else ""
            raise PatchError(f"{patch.what}: {type(exc).__name__}: {exc}{rest}") from exc
        done.append(patch)


def revert_all(patches: Sequence[Patch]) -> list[str]:
    """Take patches back, last first; return what had to stay, and why."""
    left = []
    for patch in reversed(patches):
        try:
            reason = patch.revert()
        except Exception as exc:  # noqa: BLE001 - the others are to be taken back all the same
            reason = f"{patch.what}: {type(exc).__name__}: {exc}"
        if reason:
            left.append(reason)
    return left


def _put_back(owner: Any, name: str, own: Any) -> None:
    if own is _ABSENT:  # it was inherited
        delattr(owner, name)
    else:
        setattr(owner, name, own)


def _title(owner: Any) -> str:
    module = getattr(owner, "__module__", "")
    name = getattr(owner, "__qualname__", getattr(owner, "__name__", type(owner).__name__))
    return f"{module}.{name}" if module else str(name)
