"""The command ``dcbs``, with real arguments, in this process."""

from __future__ import annotations

import io
import json
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING

from dicube_core.exceptions import DicomCubeError
from reliability.malformed.probes.core import SHOWN, VALUES, read_copy
from reliability.malformed.probes.delivery import MADE
from reliability.malformed.probes.digests import digest, digest_files, missing
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Facets = dict[str, str]

__all__ = ["CommandRefusedError", "probes", "run"]

#: Documented in ``dcbs --help``: not proven, bad input, unsupported, package missing.
_REFUSALS = (1, 3, 4, 6)
_MARK = "dcbs: error: "
_EVERYTHING = "facts+metadata+geometry+headers"


class CommandRefusedError(DicomCubeError):
    """The command ended as it is documented for a file that it cannot read."""


def run(*arguments: str | Path) -> str:
    """Run a command and return its standard output.

    Raises
    ------
    CommandRefusedError
        It said no, with a documented exit code and one line that says why.
    AssertionError
        It said no in another way.
    """
    from dicube_core.cli import main

    texts = [str(argument) for argument in arguments]
    out, error, before = io.StringIO(), io.StringIO(), sys.argv
    code: object = 0
    sys.argv = ["dcbs", *texts]
    try:
        with redirect_stdout(out), redirect_stderr(error):
            main()
    except SystemExit as exc:
        code = 0 if exc.code is None else exc.code
    finally:
        sys.argv = before
    if code == 0:
        return out.getvalue()
    _check_refusal(texts[0], code, out.getvalue(), error.getvalue())
    return ""


def _check_refusal(command: str, code: object, out: str, error: str) -> None:
    said = f"exit code {code}, output {out[-300:]!r}, error {error[-600:]!r}"
    if code not in _REFUSALS or "Traceback" in out + error:
        raise AssertionError(said)
    lines = [line for line in error.splitlines() if line.startswith(_MARK)]
    if command == "verify" and code == 1:
        failed = [line for line in out.splitlines() if line.startswith("FAILED ")]
        if not failed or "NOT OK" not in out:
            raise AssertionError(said)
        raise CommandRefusedError("\n".join([*failed[:3], *out.splitlines()[-2:]]))
    if len(lines) != 1 or code == 1:
        raise AssertionError(said)
    raise CommandRefusedError(lines[0])


def _info(path: Path, _: Path) -> Facets:
    facts = json.loads(run("info", path, "--json"))
    for key in ("file", "file_bytes", "ratio"):
        del facts[key]
    return {_EVERYTHING: digest(facts)}


def _info_table(path: Path, _: Path) -> Facets:
    lines = [line.rstrip() for line in run("info", path).splitlines()]
    rest = [line for line in lines if not line.startswith("file ")]
    start = next((i for i, line in enumerate(rest) if line.startswith("frames ")), 0)
    return {_EVERYTHING: digest(rest[start:])}


def _verify(path: Path, _: Path) -> Facets:
    import dicube_core
    from reliability.malformed.probes.core import facets_of_reader

    run("verify", path)
    try:
        with dicube_core.open(path) as reader:
            return facets_of_reader(reader)
    except DicomCubeError as exc:
        raise AssertionError(f"verify says OK, reading says: {exc}") from exc


def _export(options: Sequence[str], path: Path, folder: Path) -> Facets:
    run("export", path, folder / "slices", *options)
    files = sorted(file for file in (folder / "slices").rglob("*") if file.is_file())
    return {"slices": digest_files(folder, files)}


def _nifti(path: Path, folder: Path) -> Facets:
    run("export", path, folder / "volume.nii", "--nifti")
    return {f"{VALUES}+geometry": digest((folder / "volume.nii").read_bytes())}


def _convert(path: Path, folder: Path) -> Facets:
    """Export, and convert what came of it."""
    import dicube_core

    run("export", path, folder / "slices")
    try:
        run("convert", folder / "slices", folder / "again.dcbs")
    except CommandRefusedError as exc:
        # What a slice holds that cannot be converted is told by the name of the slice.
        shutil.rmtree(folder / "slices")
        raise exc.add_place(str(path)) from None
    image = dicube_core.load(folder / "again.dcbs")
    return {"slices": digest(image.raw_image, list(image.instance_headers or ()))}


def _preview(path: Path, folder: Path) -> Facets:
    run("preview", path, folder / "picture.png")
    return {f"{VALUES}+{SHOWN}": digest((folder / "picture.png").read_bytes())}


def _planes(path: Path, folder: Path) -> Facets:
    run("preview", path, folder / "planes.png", "--planes", "--size", "64")
    return {f"{VALUES}+{SHOWN}": digest((folder / "planes.png").read_bytes())}


def _edit(path: Path, folder: Path) -> Facets:
    run("edit", path, folder / "edited.dcbs", "--set", "PatientName=Roe^Richard")
    image = read_copy(path, folder / "edited.dcbs")
    return {"slices": digest(image.raw_image, list(image.instance_headers or ()))}


def _edit_in_place(path: Path, folder: Path) -> Facets:
    """A file that cannot be edited stays as it is."""
    copy = folder / path.name
    copy.write_bytes(path.read_bytes())
    try:
        run("edit", copy, "--in-place", "--delete", "PatientName")
    except CommandRefusedError:
        if copy.read_bytes() != path.read_bytes():
            raise AssertionError("a refused edit changed the file") from None
        copy.unlink()
        raise
    image = read_copy(path, copy)
    return {"slices": digest(image.raw_image, list(image.instance_headers or ()))}


def _deliver(options: Sequence[str], path: Path, folder: Path) -> Facets:
    target = folder / options[0]
    run("deliver", path, target, *options[1:])
    return {MADE if len(options) > 1 else "slices": digest(target.read_bytes())}


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes of the command line."""
    skipped = missing("dcbs", "click", "rich")
    if skipped:
        return [], skipped
    found = [
        Probe("dcbs info --json", _info),
        Probe("dcbs info", _info_table),
        Probe("dcbs verify", _verify, reads_all=True, proves=frozenset(("metadata",))),
        Probe("dcbs export", partial(_export, ())),
        Probe("dcbs export --transfer-syntax", partial(_export, ("--transfer-syntax", "implicit"))),
        Probe("dcbs export --nifti", _nifti),
        Probe("dcbs export, convert", _convert),
        Probe("dcbs edit", _edit),
        Probe("dcbs edit --in-place", _edit_in_place),
        Probe("dcbs deliver", partial(_deliver, ("slices.tar",))),
        Probe("dcbs deliver --multiframe", partial(_deliver, ("image.dcm", "--multiframe"))),
        Probe("dcbs preview", _preview),
        Probe("dcbs preview --planes", _planes),
    ]
    without = missing("dcbs export --nifti", "nibabel") + missing("dcbs preview", "PIL")
    without += missing("dcbs preview --planes", "PIL")
    left_out = {text.partition(":")[0] for text in without}
    return [probe for probe in found if probe.name not in left_out], without
