"""Files that are moved, deleted, replaced, cut or changed while something has them open."""

from __future__ import annotations

import io
import os
import shutil
import socket
import threading

import numpy as np
import pytest
from support.descriptors import open_files, opened_since
from support.legacy_file import legacy_file, volume
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError
from dicube_core.source import FileObjectSource
from dicube_core.streaming import DcbStreamingReader

COUNT = 4
#: Long ago, so that any change of now has another time, however coarse the clock of files is.
LONG_AGO = (1_000_000_000, 1_000_000_000)


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Two files of each kind, of equal size: all frames of the second are the first's, swapped."""
    folder = tmp_path_factory.mktemp("live")
    kind = Kind("live", rows=40, columns=30)
    source = write_files(folder / "source", make_series(COUNT, kind))
    dicube_core.convert(source, folder / "a.dcbs")
    plain = legacy_file(volume(COUNT, 40, 30))
    other = legacy_file(volume(COUNT, 40, 30)[::-1].copy())
    assert len(plain) == len(other)
    checked = (folder / "a.dcbs").read_bytes()
    with dicube_core.open(checked) as reader:
        frames = [reader.codestream(index) for index in range(COUNT)]
        start = min(reader.container.index.offsets)
    swapped = checked[:start] + b"".join(frames[::-1])
    swapped += checked[len(swapped) :]  # what is behind the frames
    assert len(swapped) == len(checked)
    assert swapped != checked
    return {"checksums": (checked, swapped), "none": (plain, other)}


@pytest.fixture(params=["checksums", "none"])
def live(request, contents, tmp_path):
    """A file that is about to be disturbed, and what it may be disturbed with."""
    data, other = contents[request.param]
    path = tmp_path / "live.dcbs"
    path.write_bytes(data)
    os.utime(path, LONG_AGO)
    (tmp_path / "other.dcbs").write_bytes(other)
    return path


def _reader(path):
    reader = dicube_core.open(path)
    return reader, lambda index: reader.frame(index).tobytes()


def _codestreams(path):
    reader = dicube_core.open(path)
    return reader, lambda index: bytes(reader.codestream(index))


def _stream(path):
    stream = DcbStreamingReader(path, cache_size=0)
    return stream, stream.get_dicom_for_frame


def _stream_decoded(path):
    stream = DcbStreamingReader(path)
    return stream, lambda n: stream.get_dicom_for_frame(n, transfer_syntax="1.2.840.10008.1.2.1")


class _Owned:
    def __init__(self, reader, file):
        self.reader, self.file = reader, file

    def close(self):
        self.reader.close()
        self.file.close()


def _file_object(path):
    file = path.open("rb")
    reader = dicube_core.open(file)
    return _Owned(reader, file), lambda index: reader.frame(index).tobytes()


def _nibabel(path):
    pytest.importorskip("nibabel")
    from dicube_plugins.nibabel import load

    image = load(path)
    return image.dataobj.reader if hasattr(image.dataobj, "reader") else None, (
        lambda index: np.asarray(image.dataobj[..., index]).tobytes()
    )


def _imageio(path):
    pytest.importorskip("imageio")
    import imageio.v3 as iio

    import dicube_plugins

    dicube_plugins.install("imageio")
    file = iio.imopen(path, "r")
    return file, lambda index: np.asarray(file.read(index=index)).tobytes()


WAYS = [
    _reader,
    _codestreams,
    _stream,
    _stream_decoded,
    _file_object,
    _nibabel,
    _imageio,
]


def rename(path):
    path.rename(path.with_name("renamed.dcbs"))


def unlink(path):
    path.unlink()


def replace(path):
    path.with_name("other.dcbs").replace(path)


def save_over(path):
    image = dicube_core.DicomCubeImage(np.ones((2, 8, 8), "u2"), dicube_core.PixelDataHeader())
    dicube_core.save(image, path)


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


def empty(path):
    os.truncate(path, 0)


def append(path):
    with path.open("ab") as file:
        file.write(b"more")


def overwrite(path):
    """Write the other file into this one, as ``cp`` does."""
    with path.open("r+b") as file:
        file.write(path.with_name("other.dcbs").read_bytes())


def overwrite_last_frame(path):
    data = path.with_name("other.dcbs").read_bytes()
    with path.open("r+b") as file:
        file.seek(len(data) - 200)
        file.write(data[-200:])


def put_in_memory(path):
    """Change it through a memory map, which is no call of ``write``."""
    import mmap

    data = path.with_name("other.dcbs").read_bytes()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[:] = data
        view.flush()


MOVES = [rename, unlink, replace, save_over]
CHANGES = [cut, empty, append, overwrite, overwrite_last_frame, put_in_memory]


def _close(owner):
    if owner is not None:
        owner.close()


def _begun(way, live):
    """Return a new way of reading of which one slice was read, and what all slices are."""
    owner, get = way(live)
    before = [get(index) for index in range(COUNT)]
    _close(owner)
    owner, get = way(live)
    assert get(0) == before[0]
    return owner, get, before


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("way", WAYS)
def test_what_was_opened_is_read_wherever_its_name_went(way, move, live):
    owner, get, before = _begun(way, live)
    move(live)
    assert [get(index) for index in range(COUNT)] == before
    _close(owner)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_a_change_in_place_is_an_error_and_never_other_data(way, change, live):
    owner, get, before = _begun(way, live)
    change(live)
    errors = []
    for index in range(COUNT):
        try:
            found = get(index)
        except DicomCubeError as exc:
            errors.append(str(exc))
        else:
            assert found == before[index]  # read before the change, and kept
    # The stream decodes ahead, and may have all that it is asked for.
    assert errors or way is _stream_decoded
    assert all("live.dcbs" in text for text in errors)
    _close(owner)


@pytest.mark.parametrize("change", [*MOVES, cut, empty, append, overwrite])
def test_simpleitk_opens_the_file_anew_for_each_image(change, live):
    """It knows the name only. What it gives is one file as a whole, or an error."""
    sitk = pytest.importorskip("SimpleITK")
    from dicube_plugins.simpleitk import DcbsImageFileReader

    reader = DcbsImageFileReader()
    reader.SetFileName(str(live))
    before = sitk.GetArrayFromImage(reader.Execute())
    change(live)
    try:
        found = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError:
        return
    same = np.array_equal(found, before) or np.array_equal(found, before[::-1])
    assert same or found.shape == (2, 8, 8)


def test_the_error_says_what_happened_and_what_to_do(live):
    with dicube_core.open(live) as reader:
        overwrite(live)
        with pytest.raises(InvalidCubeFileError, match=r"changed in place .*open it again"):
            reader.frame(1)


def test_a_change_of_the_time_alone_is_taken_for_a_change(live):
    """The reader cannot know better; a server opens the file again."""
    with dicube_core.open(live) as reader:
        os.utime(live)
        with pytest.raises(InvalidCubeFileError, match="changed in place"):
            reader.frame(1)


def test_permissions_and_links_may_change(live):
    with dicube_core.open(live) as reader:
        before = reader.frame(1).copy()
        live.chmod(0o600)
        os.link(live, live.with_name("second name.dcbs"))
        assert np.array_equal(reader.frame(1), before)


@pytest.mark.parametrize("move", MOVES)
def test_a_reader_that_gave_its_descriptor_up_does_not_take_another_file_for_its_own(move, live):
    with dicube_core.open(live) as reader:
        before = reader.frame(0).copy()
        reader.container.source.rest()
        move(live)
        with pytest.raises((FileNotFoundError, InvalidCubeFileError), match=r"live\.dcbs"):
            reader.frame(1)
        if move is rename:
            live.with_name("renamed.dcbs").rename(live)
            assert np.array_equal(reader.frame(0), before)


def _read_for_ever(reader, before):
    while True:
        assert [bytes(reader.codestream(index)) for index in range(COUNT)] == before


def test_a_change_during_a_read(live):
    """At whatever moment the change comes, what is read is the old data or an error."""
    data = live.read_bytes()
    for _ in range(25):
        live.write_bytes(data)
        os.utime(live, LONG_AGO)
        with dicube_core.open(live) as reader:
            before = [bytes(reader.codestream(index)) for index in range(COUNT)]
            thread = threading.Thread(target=overwrite, args=(live,))
            thread.start()
            with pytest.raises(DicomCubeError):
                _read_for_ever(reader, before)
            thread.join()


def test_special_files_are_refused_without_being_opened(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    blocked = threading.Thread(target=lambda: fifo.open("wb").close())
    blocked.start()
    with pytest.raises(InvalidCubeFileError, match="not a regular file"):
        dicube_core.open(fifo)
    assert blocked.is_alive()  # whoever waits for a reader did not get one
    os.close(os.open(fifo, os.O_RDONLY))
    blocked.join()
    with pytest.raises(InvalidCubeFileError, match="not a regular file"):
        dicube_core.open("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(InvalidCubeFileError, match="not a regular file"):
            dicube_core.open(tmp_path / "socket")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="loop"):
        dicube_core.open(tmp_path / "loop")


def test_a_special_file_in_the_place_of_one_that_was_open(live):
    with dicube_core.open(live) as reader:
        reader.container.source.rest()
        live.unlink()
        os.mkfifo(live)
        with pytest.raises(InvalidCubeFileError):
            reader.frame(0)


def test_a_file_object_of_another_kind_is_not_asked_for_its_time(live):
    data = live.read_bytes()
    source = FileObjectSource(io.BytesIO(data))
    assert source.read_at(0, 10) == data[:10]


def test_a_file_object_whose_seek_does_not_say_where_it_is(live):
    class Quiet(io.BytesIO):  # as mmap before Python 3.13
        def seek(self, *where):
            super().seek(*where)

    with dicube_core.open(Quiet(live.read_bytes())) as quiet, dicube_core.open(live) as reader:
        assert np.array_equal(quiet.frames(), reader.frames())


def test_descriptors_are_given_back_after_such_errors(live):
    before = open_files()
    if not before:
        pytest.skip("no /proc to look into")
    for change in (overwrite, append, cut):
        again = live.with_name("again.dcbs")
        shutil.copyfile(live, again)
        os.utime(again, LONG_AGO)
        with dicube_core.open(again) as reader:
            change(again)
            with pytest.raises(DicomCubeError):
                reader.frame(2)
    assert not opened_since(before)
