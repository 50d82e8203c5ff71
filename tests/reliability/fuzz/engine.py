"""Run one target under libFuzzer, through atheris, in this process.

    python -m reliability.fuzz.engine TARGET [libFuzzer options] [folders of inputs]

All of ``dicube_core`` is instrumented. The process ends with the run.
"""

from __future__ import annotations

import contextlib
import pkgutil
import resource
import sys
import warnings
from importlib import import_module
from random import Random

#: Address space. What wants more fails here, before the machine does.
_MEMORY = 4 << 30
#: Packages that read no bytes of files, and take long to load.
_LEFT_OUT = ("dicube_core.cli", "dicube_core.trees")


def _import_core() -> None:
    import dicube_core

    for module in pkgutil.walk_packages(dicube_core.__path__, "dicube_core."):
        if not module.name.startswith(_LEFT_OUT):
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                import_module(module.name)


def main(name: str, options: list[str]) -> None:
    """Fuzz; does not return."""
    import atheris

    with atheris.instrument_imports(include=["dicube_core"]):
        _import_core()
    from reliability.fuzz.catalogue import TARGETS

    target = TARGETS[name]
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))

    def plain(data: bytes, max_size: int) -> bytes:
        size = max(max_size, 1)
        return bytes(atheris.Mutate(data[:size], size))

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = Random(seed)
        changed = data
        for _ in range(rng.choice((1, 1, 2))):
            changed = target.mutate(changed, max_size, rng, plain)
        return changed if len(changed) <= max_size else plain(data, max_size)

    given = {} if target.mutate is None else {"custom_mutator": mutate}
    atheris.Setup([name, *options], target.run, **given)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
