"""The proof that a series came back whole, by every way out that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import dicube_core
from dicube_core.export import export_file
from dicube_core.streaming import DcbStreamingReader
from support.compare import read, same_elements, stored

if TYPE_CHECKING:
    from pathlib import Path


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a new folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def read_files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_whole(
    files: dict[str, bytes],
    folder: Path,
    *,
    exact: bool = True,
    by_value: bool = False,
    kept: bool = False,
    skipped: int = 0,
) -> Path:
    """Convert a series, and fail unless everything of it comes back in every way.

    Parameters
    ----------
    files : dict
        The series: name to content.
    folder : Path
        To work in.
    exact : bool
        The source files themselves must come back, byte for byte.
    by_value : bool
        Compare values only: the source has another byte order.
    kept : bool
        The source's codestreams are kept, so encoding its frames anew gives another file.
    skipped : int
        Files that are not part of the series, which the caller left out of `files`.
    """
    source = write_files(folder / "source", files)
    path = folder / "series.dcbs"
    done = dicube_core.convert(source, path)
    assert len(done.skipped) == skipped
    assert done.shape[0] == len(files)
    report = dicube_core.verify_against(path, source)
    assert report.ok, report.failures
    assert (report.frames_decoded, report.slices_compared) == (len(files), len(files))
    assert report.byte_identical == (len(files) if exact else 0)
    with dicube_core.open(path) as reader:
        assert reader.validated
        export_file(reader, folder / "exported")
    exported = read_files(folder / "exported")
    assert_same_series(files, exported, exact=exact, by_value=by_value)
    assert_streams(files, path, exported, by_value=by_value)
    assert_saved_again(path, exported, folder, source, same_bytes=not kept)
    return path


def assert_same_series(
    files: dict[str, bytes], found: dict[str, bytes], *, exact: bool, by_value: bool
) -> None:
    """Fail unless the files found are the source's: bytes, or elements and stored values."""
    assert sorted(found) == sorted(files)
    for name, data in files.items():
        if exact:
            assert found[name] == data, name
        else:
            same_elements(data, found[name], by_value=by_value)
            np.testing.assert_array_equal(stored(found[name]), stored(data))


def assert_streams(
    files: dict[str, bytes], path: Path, exported: dict[str, bytes], *, by_value: bool
) -> None:
    """Fail unless the streaming reader serves each slice whole, in both forms."""
    by_uid = {(read(data).get("SOPInstanceUID"), name): data for name, data in files.items()}
    with DcbStreamingReader(path) as stream, dicube_core.open(path) as reader:
        names = [header.name for header in reader.headers or []]
        assert stream.get_frame_count() == len(files)
        for index, name in enumerate(names):
            compressed = stream.get_dicom_for_frame(index)
            plain = stream.get_dicom_for_frame(index, force_uncompressed=True)
            source = by_uid[read(plain).get("SOPInstanceUID"), name]
            if source[128:132] == b"DICM":
                assert plain == exported[name]
            same_elements(source, plain, by_value=by_value)
            same_elements(source, compressed, by_value=by_value)
            np.testing.assert_array_equal(stored(compressed), stored(plain))
            assert compressed == stream.get_dicom_for_frame(index)


def assert_saved_again(
    path: Path, exported: dict[str, bytes], folder: Path, source: Path, *, same_bytes: bool
) -> None:
    """Fail unless load and save, and load from DICOM and save, give the same bytes."""
    image = dicube_core.load(path)
    dicube_core.save(image, folder / "again.dcbs")
    assert not same_bytes or (folder / "again.dcbs").read_bytes() == path.read_bytes()
    with dicube_core.open(folder / "again.dcbs") as reader:
        np.testing.assert_array_equal(reader.frames(), image.raw_image)
    dicube_core.save_to_dicom_folder(image, folder / "exported_image")
    assert read_files(folder / "exported_image") == exported
    loaded = dicube_core.load_from_dicom_folder(source)
    np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
    dicube_core.save(loaded, folder / "loaded.dcbs")
    assert (folder / "loaded.dcbs").read_bytes() == (folder / "again.dcbs").read_bytes()
