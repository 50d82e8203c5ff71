"""Putting the adapter in and out: everything is afterwards what it was before."""

import argparse
import sys
import threading

import numpy as np
import pydicom
import pydicom.examples
import pydicom.fileset
import pytest
from pydicom import dcmread
from pydicom.pixels import pixel_array, utils
from pydicom.pixels.decoders import base as decoders
from pydicom.pixels.encoders import base as encoders
from pydicom.uid import HTJ2KLossless, HTJ2KLosslessRPCL

import dicube_plugins
from dicube_plugins.installer import Installer
from dicube_plugins.manager import default_manager
from dicube_plugins.pydicom._cli import add_subparser
from dicube_plugins.pydicom._plugins import FirstDecoder

HTJ2K_DECODERS = (
    decoders.HTJ2KLosslessDecoder,
    decoders.HTJ2KLosslessRPCLDecoder,
    decoders.HTJ2KDecoder,
)


def state():
    """Return every object that the adapter may touch."""
    modules = [m for n, m in sorted(sys.modules.items()) if n.partition(".")[0] == "pydicom"]
    functions = {
        (module.__name__, name): value
        for module in modules
        for name, value in vars(module).items()
        if callable(value)
    }
    tables = [decoder._available for decoder in HTJ2K_DECODERS]
    contents = [list(table.items()) for table in tables]
    unavailable = [dict(decoder._unavailable) for decoder in HTJ2K_DECODERS]
    encoder_table = encoders._PIXEL_DATA_ENCODERS
    return functions, tables, contents, unavailable, encoder_table, list(encoder_table.items())


def assert_same_state(before, after):
    assert before[0].keys() == after[0].keys()
    assert [k for k, v in before[0].items() if after[0][k] is not v] == []
    assert all(a is b for a, b in zip(before[1], after[1], strict=True))
    assert before[2:4] == after[2:4]
    assert before[4] is after[4]
    assert before[5] == after[5]


@pytest.fixture(autouse=True)
def _out():
    dicube_plugins.uninstall("pydicom")
    yield
    dicube_plugins.uninstall("pydicom")


def test_nothing_is_left():
    before = state()
    (installed,) = dicube_plugins.install("pydicom")
    assert installed.state == "installed"
    assert len(installed.changes) >= 10
    assert pydicom.dcmread is pydicom.filereader.dcmread is pydicom.fileset.dcmread
    assert [next(iter(d._available)) for d in HTJ2K_DECODERS] == ["dicube"] * 3
    (left,) = dicube_plugins.uninstall("pydicom")
    assert (left.state, left.changes, left.message) == ("available", (), "")
    assert_same_state(before, state())


def test_again_and_again(series):
    before = state()
    for _ in range(3):
        dicube_plugins.install("pydicom")
        dicube_plugins.install("pydicom")
        assert list(decoders.HTJ2KLosslessDecoder._available) == ["dicube", "pylibjpeg"]
        np.testing.assert_array_equal(dcmread(series.path).pixel_array, series.volume)
        dicube_plugins.uninstall("pydicom")
        dicube_plugins.uninstall("pydicom")
        with pytest.raises(pydicom.errors.InvalidDicomError):
            dcmread(series.path)
    assert_same_state(before, state())


def test_two_threads(series):
    before, errors = state(), []
    barrier = threading.Barrier(2)

    def work():
        try:
            barrier.wait()
            dicube_plugins.install("pydicom")
            np.testing.assert_array_equal(dcmread(series.path).pixel_array, series.volume)
        except Exception as exc:  # noqa: BLE001 - for the main thread
            errors.append(exc)

    for _ in range(5):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        dicube_plugins.uninstall("pydicom")
        assert_same_state(before, state())


def test_names_that_were_taken_while_it_was_in(series):
    dicube_plugins.install("pydicom")
    taken, seam = pydicom.dcmread, pydicom.filereader.read_partial
    assert taken(series.path, frame=0).Rows == series.volume.shape[1]
    dicube_plugins.uninstall("pydicom")
    with pytest.raises(pydicom.errors.InvalidDicomError):
        taken(series.path)
    with pytest.raises(TypeError, match="frame"):
        taken(series.path, frame=0)
    with series.path.open("rb") as file, pytest.raises(pydicom.errors.InvalidDicomError):
        seam(file)


def test_data_sets_outlive_the_adapter(series):
    dicube_plugins.install("pydicom")
    dataset = dcmread(series.path)
    dicube_plugins.uninstall("pydicom")
    np.testing.assert_array_equal(dataset.pixel_array, series.volume)
    np.testing.assert_array_equal(pixel_array(dataset, index=2), series.volume[2])


class TestPluginsOfOthers:
    @pytest.fixture
    def decoder(self):
        return decoders.Decoder(HTJ2KLossless)

    def patch(self, decoder):
        return FirstDecoder(decoder, ("dicube_plugins.pydicom._decoder", "decode_frame"))

    def add(self, decoder, *labels):
        for label in labels:
            decoder.add_plugin(label, ("pydicom.pixels.decoders.pylibjpeg", "_decode_frame"))

    def test_their_order_is_kept(self, decoder):
        self.add(decoder, "zeta", "alpha", "pylibjpeg")
        table = decoder._available
        patch = self.patch(decoder)
        patch.apply()
        assert list(decoder._available) == ["dicube", "zeta", "alpha", "pylibjpeg"]
        assert patch.revert() == ""
        assert decoder._available is table
        assert list(table) == ["zeta", "alpha", "pylibjpeg"]

    def test_what_they_change_meanwhile_stays(self, decoder):
        self.add(decoder, "alpha", "beta")
        patch = self.patch(decoder)
        patch.apply()
        self.add(decoder, "gamma")
        decoder.remove_plugin("alpha")
        assert patch.revert() == ""
        assert list(decoder._available) == ["beta", "gamma"]

    def test_ours_may_be_gone(self, decoder):
        patch = self.patch(decoder)
        patch.apply()
        decoder.remove_plugin("dicube")
        assert "removed by others" in patch.revert()
        assert list(decoder._available) == []

    def test_a_library_that_is_missing(self, decoder, monkeypatch):
        self.add(decoder, "pylibjpeg")
        monkeypatch.setattr("imagecodecs.HTJ2K.available", False)
        patch = self.patch(decoder)
        patch.apply()
        assert list(decoder._available) == ["pylibjpeg"]
        assert "dicube - requires imagecodecs" in decoder.missing_dependencies[0]
        assert patch.revert() == ""
        assert decoder.missing_dependencies == []


def test_an_encoder_of_pydicom_itself_is_left_alone(monkeypatch):
    own = (encoders.Encoder(HTJ2KLossless), "3.9")
    monkeypatch.setitem(encoders._PIXEL_DATA_ENCODERS, HTJ2KLossless, own)
    dicube_plugins.install("pydicom")
    assert encoders._PIXEL_DATA_ENCODERS[HTJ2KLossless] is own
    assert HTJ2KLosslessRPCL in encoders._PIXEL_DATA_ENCODERS
    dicube_plugins.uninstall("pydicom")
    assert encoders._PIXEL_DATA_ENCODERS[HTJ2KLossless] is own
    assert HTJ2KLosslessRPCL not in encoders._PIXEL_DATA_ENCODERS


def test_a_pydicom_without_that_table(monkeypatch):
    monkeypatch.delattr(encoders, "_PIXEL_DATA_ENCODERS")
    monkeypatch.delattr(utils, "Path")
    installer = Installer(default_manager())
    (installed,) = installer.install("pydicom")
    assert installed.state == "installed"
    assert not any("encoder" in change or "Path" in change for change in installed.changes)
    installer.uninstall("pydicom")
    assert not hasattr(utils, "Path")


def test_what_others_replace_meanwhile_is_theirs(monkeypatch):
    dicube_plugins.install("pydicom")
    ours = pydicom.filereader.read_partial

    def theirs(*args, **kwargs):
        return ours(*args, **kwargs)

    monkeypatch.setattr(pydicom.filereader, "read_partial", theirs)
    (left,) = dicube_plugins.uninstall("pydicom")
    assert "read_partial" in left.message
    assert pydicom.filereader.read_partial is theirs
    assert pydicom.examples.ct.PatientID == "1CT1"  # which reads through it
    monkeypatch.undo()
    pydicom.filereader.read_partial = ours.__wrapped__


class TestCommand:
    def run(self, *arguments):
        parser = argparse.ArgumentParser()
        add_subparser(parser.add_subparsers())
        chosen = parser.parse_args(["dcbs", *map(str, arguments)])
        chosen.func(chosen)

    def test_a_series(self, series, capsys):
        self.run(series.path)
        shown = capsys.readouterr().out
        assert "Number of Frames" in shown
        assert "PAT-0042" in shown

    def test_a_slice(self, series, capsys):
        self.run(series.path, "--frame", 2)
        shown = capsys.readouterr().out
        assert "Number of Frames" not in shown
        assert 'IS: "3"' in shown or "IS: '3'" in shown

    def test_errors_are_one_line(self, series, tmp_path):
        for arguments in ([tmp_path / "missing.dcbs"], [series.path, "--frame", 99]):
            with pytest.raises(SystemExit, match="pydicom dcbs: "):
                self.run(*arguments)
