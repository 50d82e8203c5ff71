"""What an adapter is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Adapter"]


@dataclass(frozen=True, slots=True)
class Adapter:
    """Makes one framework read ``.dcbs`` files; a description, nothing is imported by it.

    Parameters
    ----------
    name : str
        By which it is installed, such as ``nibabel``.
    framework : str
        Top-level module of the framework. A deferred adapter is installed when this module has
        been imported for the first time.
    description : str
        One line for people: what works once it is installed.
    patches : str
        ``package.module:function``. The function takes no argument and returns a list of
        `dicube_plugins.patching.Patch`; its module may import the framework at its top. It is
        imported only to install the adapter.
    distributions : tuple of str
        Distributions that provide the framework, the one that carries its version first.
    minimum : str
        Lowest version that is supported, empty for any.
    hint : str
        What to type to get the framework.
    heavy : bool
        Importing the framework takes seconds: to install all adapters does not import it, but
        waits until somebody else does.
    """

    name: str
    framework: str
    description: str
    patches: str
    distributions: tuple[str, ...]
    minimum: str = ""
    hint: str = ""
    heavy: bool = False
