"""The pydicom adapter in fresh processes, where the order of imports matters."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import dicube_core
from dicube_core.phantom import write_phantom_series

HEAD = """
import sys, warnings
warnings.simplefilter("error")
path = sys.argv[1]
"""
CASES = {
    "pydicom is not imported by the plugins": """
        import dicube_plugins
        assert "pydicom" not in sys.modules
        dicube_plugins.status()
        assert "pydicom" not in sys.modules
    """,
    "a name that was taken first": """
        from pydicom import dcmread
        from pydicom.pixels import pixel_array
        import dicube_plugins
        dicube_plugins.install("pydicom")
        series = dcmread(path)
        assert series.pixel_array.shape == (4, 32, 32)
        assert (pixel_array(path, index=2) == series.pixel_array[2]).all()
    """,
    "an install that comes first": """
        import dicube_plugins
        dicube_plugins.install("pydicom")
        from pydicom import dcmread
        assert dcmread(path).NumberOfFrames == 4
        assert dcmread(path, frame=1).Rows == 32
    """,
    "an install that waits for pydicom": """
        import dicube_plugins.auto
        assert "pydicom" not in sys.modules
        import pydicom
        assert pydicom.dcmread(path).NumberOfFrames == 4
        assert pydicom.dcmread(path, frame=1).Rows == 32
    """,
    "none at all": """
        from dicube_plugins.pydicom import dcmread, datasets
        assert dcmread(path).pixel_array.shape == (4, 32, 32)
        assert len(list(datasets(path))) == 4
        import pydicom
        assert pydicom.filereader.read_partial.__module__ == "pydicom.filereader"
        assert not hasattr(pydicom.dcmread, "__wrapped__")
        assert list(pydicom.pixels.get_decoder("1.2.840.10008.1.2.4.201").available_plugins) == [
            "pylibjpeg"
        ]
    """,
    "processes that share a data set": """
        import multiprocessing
        from pydicom.pixels import pixel_array
        from dicube_plugins.pydicom import dcmread
        series = dcmread(path)
        expected = [pixel_array(series, index=i).sum() for i in range(4)]
        for method in ("spawn", "fork"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                frames = pool.starmap(pixel_array, [(series,)] * 3)
            assert [[f.sum() for f in frame] for frame in frames] == [expected] * 3
    """,
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fresh")
    write_phantom_series(folder / "source", 4, size=32)
    dicube_core.convert(folder / "source", folder / "series.dcbs")
    return folder / "series.dcbs"


@pytest.mark.parametrize("name", CASES)
def test_in_a_fresh_process(name, file, tmp_path):
    body = textwrap.dedent(CASES[name])
    if "multiprocessing" in body:
        body = f'if __name__ == "__main__":\n{textwrap.indent(body, "    ")}'
    script = tmp_path / "script.py"
    script.write_text(HEAD + body)
    done = subprocess.run(
        [sys.executable, script, file],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
