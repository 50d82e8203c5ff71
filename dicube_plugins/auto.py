"""Importing this module makes every framework read ``.dcbs`` files, once it is imported itself.

    import dicube_plugins.auto

Frameworks that are imported already get their adapter now. For the others an import hook waits
(`sys.meta_path`); it costs nothing but a look at the name of each module that is imported.
`dicube_plugins.uninstall` takes adapters out and ends the waiting.
"""

from __future__ import annotations

from dicube_plugins.import_hook import wait_for
from dicube_plugins.installer import default_installer

__all__ = ["wait_for_imports"]


def wait_for_imports(*names: str) -> None:
    """Install adapters when their frameworks are first imported; now where they are already.

    Parameters
    ----------
    *names : str
        Adapters; without a name, those of all frameworks that are there.

    Raises
    ------
    LookupError
        No adapter has this name.
    """
    installer = default_installer()
    wait_for(installer.defer(*names), installer)


wait_for_imports()
