"""A picture of an irregular series needs its metadata: where that is damaged, there is none."""

import pytest
from support.series import make_series
from support.whole import write_files

import dicube_core
from dicube_core.container.extension import SLICE_HEADERS, Directory
from dicube_core.exceptions import ChecksumError
from dicube_core.preview import montage

pytest.importorskip("PIL")


def test_damaged_headers_do_not_change_the_aspect(tmp_path):
    def no_grid(index, nodes):
        nodes.pop(0x00200032, None)

    series = make_series(4, edit=no_grid)
    path = tmp_path / "x.dcbs"
    dicube_core.convert(write_files(tmp_path / "source", series), path)
    data = bytearray(path.read_bytes())
    with dicube_core.open(bytes(data)) as reader:
        assert reader.geometry is None
        montage(reader)
    section = Directory.parse(bytes(data), len(data), "").entries[SLICE_HEADERS].section
    data[section.offset + section.length // 2] ^= 1
    with dicube_core.open(bytes(data)) as reader, pytest.raises(ChecksumError, match="HDRS"):
        montage(reader)
