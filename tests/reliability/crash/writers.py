"""Everything of the two packages that writes a file or a folder which a user keeps."""

from __future__ import annotations

import gzip
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.series import Kind, make_series
from support.whole import write_files

if TYPE_CHECKING:
    from collections.abc import Callable

KIND = Kind("ct", rows=96, columns=96)


@dataclass(frozen=True)
class Writer:
    """One way to write.

    `write` gets the folder of inputs and the area, in which it writes `target`. `old` names the
    input that is there before, empty for none. A writer with `parts` makes several files, each of
    which appears by itself.
    """

    name: str
    target: str
    write: Callable[[Path, Path], object]
    old: str = "older.dcbs"
    parts: bool = False

    def prepare(self, inputs: Path, area: Path) -> None:
        """Make the area as it is before: with the old content, and things that are not ours."""
        shutil.rmtree(area, ignore_errors=True)
        (area / "kept").mkdir(parents=True)
        (area / "kept" / "precious.txt").write_text("mine")
        (area / f".{self.target}.dcbs-mine.tmp").write_text("looks like ours, and is not")
        (area / f".{self.target}.dcbs-0123456789ab.bak").write_text("nor is this")
        if self.old:
            shutil.copyfile(inputs / self.old, area / self.target)
            (area / self.target).chmod(0o664)  # other than new files have
        if self.parts:
            shutil.copytree(inputs / "partial", area / self.target)

    def clear(self, area: Path) -> None:
        """Do what a user has to before the same can be written again."""
        if not self.old and not self.parts and (area / self.target).is_dir():
            shutil.rmtree(area / self.target)


def make_inputs(folder: Path) -> None:
    """Write what the writers start from."""
    import nibabel
    import numpy as np

    import dicube_core

    source = write_files(folder / "source", make_series(4, KIND))
    dicube_core.convert(source, folder / "series.dcbs")
    damaged = bytearray((folder / "series.dcbs").read_bytes())
    damaged[-300] ^= 1
    (folder / "damaged.dcbs").write_bytes(damaged)
    older = write_files(folder / "older", make_series(3, KIND, series="7"))
    dicube_core.convert(older, folder / "older.dcbs")
    voxels = np.arange(24 * 20 * 5, dtype=np.int16).reshape(24, 20, 5)
    data = nibabel.Nifti1Image(voxels, np.diag([2.0, 2.0, 3.0, 1.0])).to_bytes()
    (folder / "volume.nii.gz").write_bytes(gzip.compress(data, mtime=0))
    for number in (1, 2, 3):
        files = make_series(2, KIND, series=str(number))
        write_files(folder / "tree" / f"series{number}", files)
    from dicube_core.trees.running import convert_tree

    # One series of the tree is there already, but for a slice that came later.
    first = sorted((folder / "tree" / "series1").iterdir())[0]
    write_files(folder / "first", {first.name: first.read_bytes()})
    convert_tree(folder / "first", folder / "partial", jobs=1)
    (folder / "older.txt").write_bytes(b"an older file " * 400)


def _save(inputs: Path, area: Path) -> None:
    import dicube_core

    dicube_core.save(dicube_core.load(inputs / "series.dcbs"), area / "a.dcbs")


def _convert(inputs: Path, area: Path) -> None:
    import dicube_core

    dicube_core.convert(inputs / "source", area / "a.dcbs")


def _convert_nifti(inputs: Path, area: Path) -> None:
    import dicube_core

    dicube_core.convert(inputs / "volume.nii.gz", area / "a.dcbs")


def _tree(inputs: Path, area: Path) -> None:
    from dicube_core.trees.report import Outcome
    from dicube_core.trees.running import convert_tree

    report = convert_tree(inputs / "tree", area / "out", jobs=1)
    if not report.ok:
        raise OSError(report.of(Outcome.FAILED)[0].reason)


def _image_folder(inputs: Path, area: Path) -> None:
    import dicube_core

    dicube_core.save_to_dicom_folder(dicube_core.load(inputs / "series.dcbs"), area / "out")


def _file_folder(inputs: Path, area: Path) -> None:
    import dicube_core
    from dicube_core.export import export_file

    with dicube_core.open(inputs / "series.dcbs") as reader:
        export_file(reader, area / "out")


def _nifti(inputs: Path, area: Path) -> None:
    import dicube_core

    dicube_core.save_to_nifti(dicube_core.load(inputs / "series.dcbs"), area / "a.nii.gz")


def _edit(inputs: Path, area: Path) -> None:
    from dicube_core.editing.edit import edit

    edit(inputs / "series.dcbs", area / "a.dcbs", set={"PatientName": "Other"})


def _edit_in_place(_: Path, area: Path) -> None:
    from dicube_core.editing.edit import edit

    edit(area / "a.dcbs", in_place=True, set={"PatientName": "Other"})


def _edit_report(_: Path, area: Path) -> None:
    from dicube_core.cli.edit import _write_report
    from dicube_core.editing.audit import AuditEntry, EditReport

    entries = [AuditEntry(f"Element{n}", "LO", "removed", "edit", n) for n in range(200)]
    path = Path("a.dcbs")
    _write_report(area / "a.json", EditReport(path, path, 1, 1, tuple(entries)))


def _preview(inputs: Path, area: Path) -> None:
    import dicube_core
    from dicube_core.preview import write_preview

    with dicube_core.open(inputs / "series.dcbs") as reader:
        write_preview(reader, area / "a.png")


def _delivery(name: str, **options: object) -> Callable[[Path, Path], object]:
    def write(inputs: Path, area: Path) -> None:
        from dicube_plugins.bridge import to_dicom

        to_dicom(inputs / "series.dcbs", area / name, **options)  # type: ignore[arg-type]

    return write


def _multiframe(inputs: Path, area: Path) -> None:
    from dicube_plugins.multiframe_bridge import to_multiframe

    to_multiframe(inputs / "series.dcbs", area / "a.dcm")


def _nibabel(name: str) -> Callable[[Path, Path], object]:
    def write(inputs: Path, area: Path) -> None:
        from dicube_plugins.nibabel import load, save

        save(load(inputs / "series.dcbs"), area / name)

    return write


def _imageio(inputs: Path, area: Path) -> None:
    import imageio.v3 as iio
    import numpy as np

    from dicube_plugins.installer import install

    install("imageio")
    del inputs
    frames = np.arange(4 * 40 * 30, dtype=np.uint16).reshape(4, 40, 30)
    iio.imwrite(area / "a.dcbs", frames)


def _cache(_: Path, area: Path) -> None:
    from dicube_plugins.cache import write_entry
    from dicube_plugins.capability import PROBED, Capability, Outcome, ProbeResult

    results = tuple(ProbeResult(uid, Outcome.EQUAL, "as expected") for uid in PROBED)
    found = Capability("pydicom", "/usr/bin/python3", {}, results)
    write_entry(area / "a.json", found.to_dict())


def _repair(inputs: Path, area: Path) -> None:
    from dicube_core.salvage.repairing import repair

    repair(inputs / "damaged.dcbs", area / "a.dcbs")


def _in_place(_: Path, area: Path) -> None:
    """Write as programs do that know no better: into the file that is there."""
    mark = (
        area / ".a.dcbs.dcbs-0123456789ab.tmp"
    )  # there while it writes, for the kills to be aimed
    mark.touch()
    with (area / "a.dcbs").open("wb", buffering=0) as file:
        file.write(b"new" * 1000)
        time.sleep(0.3)
        file.write(b"new" * 1000)
    mark.unlink()


#: Must be found to lose files; not one of those that are tested.
CONTROL = Writer("control", "a.dcbs", _in_place, old="older.dcbs")

WRITERS = [
    Writer("save", "a.dcbs", _save),
    Writer("save, new file", "a.dcbs", _save, old=""),
    Writer("convert", "a.dcbs", _convert),
    Writer("convert NIfTI", "a.dcbs", _convert_nifti),
    Writer("convert_tree", "out", _tree, old="", parts=True),
    Writer("export image", "out", _image_folder, old=""),
    Writer("export file", "out", _file_folder, old=""),
    Writer("save_to_nifti", "a.nii.gz", _nifti, old="older.txt"),
    Writer("edit", "a.dcbs", _edit),
    Writer("edit in place", "a.dcbs", _edit_in_place, old="series.dcbs"),
    Writer("edit report", "a.json", _edit_report, old="older.txt"),
    Writer("preview", "a.png", _preview, old="older.txt"),
    Writer("deliver folder", "out", _delivery("out"), old=""),
    Writer("deliver zip", "a.zip", _delivery("a.zip"), old="older.txt"),
    Writer("deliver tar.gz", "a.tar.gz", _delivery("a.tar.gz"), old="older.txt"),
    Writer("deliver slice", "a.dcm", _delivery("a.dcm", frames=[1]), old="older.txt"),
    Writer("deliver multi-frame", "a.dcm", _multiframe, old="older.txt"),
    Writer("nibabel .dcbs", "a.dcbs", _nibabel("a.dcbs")),
    Writer("nibabel NIfTI", "a.nii.gz", _nibabel("a.nii.gz"), old="older.txt"),
    Writer("imageio", "a.dcbs", _imageio),
    Writer("repair", "a.dcbs", _repair),
    Writer("capability cache", "a.json", _cache, old="older.txt"),
]
