"""What users do with pydicom, run in environments of their own: script FOLDER."""

import io
import pickle
import sys
import threading
import warnings
from pathlib import Path

warnings.simplefilter("error")  # a file left open, too

import numpy as np  # noqa: E402
import pydicom  # noqa: E402
from pydicom import dcmread  # noqa: E402  # before the adapter is in
from pydicom.pixels import get_decoder, iter_pixels, pixel_array  # noqa: E402
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, HTJ2KLosslessRPCL  # noqa: E402

import dicube_core  # noqa: E402
import dicube_plugins  # noqa: E402
from dicube_plugins.pydicom import datasets, open_dicom, original_datasets  # noqa: E402
from dicube_plugins.pydicom import dcmread as own_dcmread  # noqa: E402

FOLDER = Path(sys.argv[1])
SERIES = FOLDER / "series.dcbs"
EXPECTED = dicube_core.load(SERIES).raw_image
ORIGINAL = pydicom.dcmread, pydicom.filereader.read_partial, pydicom.pixels.utils.Path


def same(found, expected=EXPECTED):
    assert found.dtype == expected.dtype, (found.dtype, expected.dtype)
    assert np.array_equal(found, expected)


def refused(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except Exception as exc:  # noqa: BLE001 - whatever it is
        return exc
    raise AssertionError("no error")


def read():
    with SERIES.open("rb") as file:
        for source in (SERIES, str(SERIES), file, io.BytesIO(SERIES.read_bytes())):
            same(dcmread(source).pixel_array)
    series = dcmread(SERIES, defer_size=1)
    assert series.NumberOfFrames == len(EXPECTED)
    same(pixel_array(series, index=2), EXPECTED[2])
    same(np.stack(list(iter_pixels(series))))
    same(pixel_array(SERIES, index=1), EXPECTED[1])
    same(np.stack(list(iter_pixels(SERIES))))
    assert "PixelData" not in dcmread(SERIES, stop_before_pixels=True)
    assert [e.keyword for e in dcmread(SERIES, specific_tags=["Rows"])][-1] == "Rows"
    assert pickle.loads(pickle.dumps(series)) == series
    assert series == own_dcmread(SERIES, pixel_data="bytes")
    series.save_as(FOLDER / "saved.dcm")
    same(dcmread(FOLDER / "saved.dcm").pixel_array)
    native = pydicom.dcmread(SERIES, transfer_syntax="explicit")
    assert native.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    same(native.pixel_array)


def slices():
    sources = {d.SOPInstanceUID: d for d in map(dcmread, sorted((FOLDER / "source").iterdir()))}
    assert len(sources) == len(EXPECTED)
    for index, slice_ in enumerate(datasets(SERIES)):
        one = pydicom.dcmread(SERIES, frame=index)
        assert one == slice_
        same(one.pixel_array, EXPECTED[index])
        source = sources[one.SOPInstanceUID]
        same(source.pixel_array, EXPECTED[index])
        del one.PixelData, source.PixelData
        assert one == source
    for original in original_datasets(dcmread(SERIES)):
        assert original == sources[original.SOPInstanceUID]


def threads():
    series, wrong = dcmread(SERIES), []

    def work(number):
        for step in range(20):
            index = (number + step) % len(EXPECTED)
            if not np.array_equal(pixel_array(series, index=index), EXPECTED[index]):
                wrong.append(index)

    started = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert not wrong


def codecs():
    decoder = get_decoder(HTJ2KLossless)
    assert next(iter(decoder._validate_plugins())) == "dicube"
    series = dcmread(SERIES)
    for plugin in decoder.available_plugins:
        same(pixel_array(series, decoding_plugin=plugin))
    for syntax in (HTJ2KLossless, HTJ2KLosslessRPCL):
        slice_ = pydicom.dcmread(SERIES, frame=0, transfer_syntax="explicit")
        slice_.compress(syntax)
        file = io.BytesIO()
        slice_.save_as(file)
        again = dcmread(io.BytesIO(file.getvalue()))
        assert again.file_meta.TransferSyntaxUID == syntax
        for plugin in decoder.available_plugins:
            same(pixel_array(again, decoding_plugin=plugin), EXPECTED[0])


def damage():
    data = bytearray(SERIES.read_bytes())
    with dicube_core.open(SERIES) as reader:
        index = reader.container.index
        data[index.offsets[1] + index.lengths[1] // 2] ^= 1
    series = dcmread(io.BytesIO(data))
    for function in (pixel_array, lambda s: list(iter_pixels(s)), lambda s: s.pixel_array):
        assert "frame 1" in str(refused(function, series))
    same(pixel_array(series, index=0), EXPECTED[0])


dicube_plugins.install("pydicom")
for step in (read, slices, threads, codecs, damage):
    step()
dicube_plugins.uninstall("pydicom")
assert (pydicom.dcmread, pydicom.filereader.read_partial, pydicom.pixels.utils.Path) == ORIGINAL
assert list(get_decoder(HTJ2KLossless)._validate_plugins()) == ["pylibjpeg"]
refused(dcmread, SERIES)
same(own_dcmread(SERIES).pixel_array)
same(pixel_array(open_dicom(SERIES), index=1), EXPECTED[1])
sys.stdout.write(f"all well with pydicom {pydicom.__version__}\n")
