"""Files of ours are told by their first bytes, whatever they are read from."""

from __future__ import annotations

import gzip
import io
import os

import numpy as np
import pytest

from dicube_plugins import is_dcbs


def test_what_is_one(series_file):
    data = series_file.read_bytes()
    assert is_dcbs(series_file)
    assert is_dcbs(str(series_file))
    assert is_dcbs(data)
    assert is_dcbs(bytearray(data))
    assert is_dcbs(memoryview(np.frombuffer(data[:1000], "u2")))
    for file in (io.BytesIO(data), gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data)))):
        assert is_dcbs(file)
        assert file.tell() == 0


class Broken(io.RawIOBase):
    """A file whose store is gone."""

    def seekable(self):
        return True

    def tell(self):
        return 0

    def seek(self, *_):
        return 0

    def read(self, _=-1):
        raise RuntimeError("the store is gone")


def test_what_is_none_or_cannot_be_read(series_file, tmp_path):
    data = series_file.read_bytes()
    packed = gzip.compress(data)
    moved = io.BytesIO(data)
    moved.seek(1)
    for source in (
        *(None, 7, "", "no such file", "\0", tmp_path, b"", data[:7], b"x" + data),
        *(io.BytesIO(data[1:]), io.StringIO("DCMCUBES"), moved, Broken()),
        gzip.GzipFile(fileobj=io.BytesIO(packed[:15])),
        gzip.GzipFile(fileobj=io.BytesIO(packed[:12] + b"\xff" * 50)),
    ):
        assert not is_dcbs(source), source
    assert moved.tell() == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not is_dcbs(tmp_path / "pipe")
