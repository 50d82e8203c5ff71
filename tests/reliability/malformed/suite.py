"""What is tried: good files, variants of them, and the probes that read them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from reliability.malformed.variant import Base, Probe, Variant

__all__ = ["Suite", "load_suite"]


@dataclass(frozen=True, slots=True)
class Suite:
    """What is tried.

    Attributes
    ----------
    bases : tuple of Base
        Good files.
    variants : tuple of Variant
        Malformed ones.
    probes : tuple of Probe
        Ways of reading.
    skipped : tuple of str
        Ways of reading that are left out, and why.
    """

    bases: tuple[Base, ...]
    variants: tuple[Variant, ...]
    probes: tuple[Probe, ...]
    skipped: tuple[str, ...] = ()

    def narrowed(
        self,
        bases: Sequence[str] = (),
        families: Sequence[str] = (),
        probes: Sequence[str] = (),
        per_family: int | None = None,
    ) -> Suite:
        """Return the part of the suite of these names; empty means all.

        Parameters
        ----------
        bases, families, probes : sequence of str
            Names, or beginnings of names for probes.
        per_family : int, optional
            Variants of each family to take at most, evenly spaced over all bases.
        """
        variants = [
            v
            for v in self.variants
            if (not bases or v.base in bases) and (not families or v.family in families)
        ]
        if per_family is not None:
            by_family: defaultdict[str, list[Variant]] = defaultdict(list)
            for variant in variants:
                by_family[variant.family].append(variant)
            variants = [v for group in by_family.values() for v in _spread(group, per_family)]
        used = {v.base for v in variants}
        return replace(
            self,
            bases=tuple(base for base in self.bases if base.name in used),
            variants=tuple(variants),
            probes=tuple(p for p in self.probes if not probes or p.name.startswith(tuple(probes))),
        )


def _spread(items: Sequence[Variant], count: int) -> Iterable[Variant]:
    if len(items) <= count:
        return items
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def load_suite(name: str, seed: int, n_mutations: int) -> Suite:
    """Return the suite that ``module:function`` makes of a seed and a number of mutations."""
    module, _, function = name.partition(":")
    make: Callable[[int, int], Suite] = getattr(import_module(module), function)
    return make(seed, n_mutations)


def whole_suite(seed: int, n_mutations: int) -> Suite:
    """Return the suite itself: all rules, all probes, and random mutations besides."""
    from reliability.malformed.bases import bases
    from reliability.malformed.probes import all_probes
    from reliability.malformed.rules import all_variants, mutations, undetectable

    probes, skipped = all_probes()
    made = bases()
    variants = [v for base in made.values() for v in (*all_variants(base), *undetectable(base))]
    sealed = tuple(base for base in made.values() if base.checksums)
    share = -(-n_mutations // len(sealed))
    for base in sealed:
        variants += mutations(base, share, seed, tuple(b for b in sealed if b is not base))
    return Suite(tuple(made.values()), tuple(variants), probes, skipped)
