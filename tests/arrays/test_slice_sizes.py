"""Sizes of slices are known before they are made, in every transfer syntax."""

from __future__ import annotations

import array_files
import pytest
from kind_files import COLOURS, REALS, file_of
from support.series import KINDS, make_series

import dicube_core
from dicube_core.dataset import uids
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.slices import OFFERED_SYNTAXES, SliceProvider
from dicube_core.source import BytesSource


def sizes_agree(path):
    counted = CountedSource(path.read_bytes())
    with dicube_core.open(counted) as reader:
        provider = SliceProvider(reader)
        for index in range(reader.frame_count):
            for syntax in (None, *OFFERED_SYNTAXES):
                try:
                    expected = len(SliceProvider(reader).instance(index, syntax))
                except TransferSyntaxError:
                    with pytest.raises(TransferSyntaxError):
                        provider.size(index, syntax)
                    continue
                assert provider.size(index, syntax) == expected, (index, syntax)


class CountedSource(BytesSource):
    """Counts the bytes that are read."""

    read = 0

    def read_at(self, offset, length):
        self.read += length
        return super().read_at(offset, length)


@pytest.mark.parametrize("name", KINDS)
def test_grey(tmp_path, name):
    sizes_agree(array_files.ct_file(tmp_path, KINDS[name], 2))


@pytest.mark.parametrize("sort", [*COLOURS.values(), *REALS.values()], ids=lambda sort: sort.name)
def test_colours_and_reals(tmp_path, sort):
    if sort.real:
        pytest.importorskip("pcodec")
    sizes_agree(file_of(sort, tmp_path, 2))


def test_implicit_sources(tmp_path):
    files = make_series(2, syntax=uids.IMPLICIT_LE)
    sizes_agree(array_files.write_series(tmp_path, files))


@pytest.mark.parametrize(("name", "most"), [("u16_stored_16", 0), ("u16_stored_12", 3)])
def test_frames_are_hardly_touched(tmp_path, name, most):
    path = array_files.ct_file(tmp_path, KINDS[name], 3)
    source = CountedSource(path.read_bytes())
    with dicube_core.open(source) as reader:
        provider = SliceProvider(reader)
        _ = len(provider.headers[0].head)
        before = source.read
        assert all(provider.size(index) for index in range(3))
        assert source.read - before <= most
