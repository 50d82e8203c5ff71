"""Slices on demand, in every transfer syntax and form."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dicube_core.dicom import DcbStreamingReader, open_dicom
from dicube_core.slices import OFFERED_SYNTAXES
from reliability.malformed.probes.digests import digest
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from pathlib import Path

    Facets = dict[str, str]

__all__ = ["probes"]


def _in_syntax(syntax: str, path: Path, _: Path) -> Facets:
    with DcbStreamingReader(path) as stream:
        slices = [
            stream.get_dicom_for_frame(index, transfer_syntax=syntax)
            for index in range(stream.frame_count)
        ]
        return {"slices": digest(*slices)}


def _default(path: Path, _: Path) -> Facets:
    """The forms that the file suggests, one after another, then again out of the cache."""
    with DcbStreamingReader(path) as stream:
        facts = stream.get_metadata()
        del facts["cache_stats"]
        slices = list(stream)
        again = [stream.get_dicom_for_frame(i) for i in reversed(range(stream.frame_count))]
        if slices != again[::-1]:
            raise AssertionError("a slice comes out differently when it is asked for again")
        return {"slices": digest(*slices), "facts+metadata": digest(facts)}


def _uncompressed(path: Path, _: Path) -> Facets:
    with DcbStreamingReader(path, force_uncompressed=True, chunk_size=2) as stream:
        return {"slices": digest(*stream)}


def _whole_instances(path: Path, _: Path) -> Facets:
    """Each source instance with all its frames."""
    with DcbStreamingReader(path) as stream:
        whole = stream.slices.instances
        count = stream.frame_count if whole is None else len(whole.headers)
        return {"slices": digest(*(stream.get_instance(index) for index in range(count)))}


def _as_files(path: Path, _: Path) -> Facets:
    """Each slice as a file object, from the last one on."""
    with DcbStreamingReader(path) as stream:
        count = stream.frame_count
    return {"slices": digest(*(open_dicom(path, -1 - index).read() for index in range(count)))}


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes of the streaming reader."""
    found = [
        Probe(f"stream, {name}", partial(_in_syntax, uid)) for uid, name in OFFERED_SYNTAXES.items()
    ]
    return [
        Probe("stream, as the file suggests", _default),
        Probe("stream, uncompressed", _uncompressed),
        *found,
        Probe("stream, whole instances", _whole_instances),
        Probe("open_dicom", _as_files),
    ], ()
