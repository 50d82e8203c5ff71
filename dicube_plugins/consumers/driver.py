"""Reads slices with one consumer and writes down the values it got.

Runs by itself, in the interpreter of the consumer, in a process that may crash:
``python -I driver.py READER [PROGRAM] ANSWER SLICE...``. It therefore imports the standard
library alone, keeps to what Python 3.8 knows, and judges nothing.
"""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple  # noqa: UP035 - see above

Read = Callable[[str], List[Any]]  # noqa: UP006 - see above
Opened = Tuple[Dict[str, str], Read]  # noqa: UP006 - see above

#: NIfTI-1 type code -> struct character.
_NIFTI_TYPES = {2: "B", 4: "h", 8: "i", 16: "f", 64: "d", 256: "b", 512: "H", 768: "I"}
#: Bytes per value -> struct character of the unsigned type; lower case is the signed one.
_CODES = {1: "B", 2: "H", 4: "I"}


def open_pydicom(plugin: str) -> Opened:
    """Return pydicom's reader, held to one of its decoder plugins if `plugin` names one."""
    pydicom = import_module("pydicom")
    try:
        pixel_array = import_module("pydicom.pixels").pixel_array
    except (ImportError, AttributeError):  # before 3.0
        pixel_array = None
    if pixel_array is None and plugin:
        raise ModuleNotFoundError(f"pydicom {pydicom.__version__} has no decoder plugins")
    if plugin == "gdcm":
        import_module("gdcm")
    elif plugin:
        import_module(plugin)

    def read(path: str) -> list[Any]:
        dataset = pydicom.dcmread(path)
        if pixel_array is None:
            array = dataset.pixel_array
        else:
            array = pixel_array(dataset, decoding_plugin=plugin)
        values: list[Any] = array.ravel().tolist()
        return values

    return {"pydicom": pydicom.__version__}, read


def open_gdcm() -> Opened:
    """Return the reader of python-gdcm."""
    gdcm = import_module("gdcm")

    def read(path: str) -> list[Any]:
        reader = gdcm.ImageReader()
        reader.SetFileName(path)
        if not reader.Read():
            raise RuntimeError("ImageReader.Read() returned False")
        image = reader.GetImage()
        form = image.GetPixelFormat()
        # SWIG hands bytes out as text.
        data = image.GetBuffer().encode("utf-8", "surrogateescape")
        width = form.GetBitsAllocated() // 8
        code = _CODES[width].lower() if form.GetPixelRepresentation() else _CODES[width]
        return list(struct.unpack(f"<{len(data) // width}{code}", data))

    return {"gdcm": gdcm.Version.GetVersion()}, read


def open_simpleitk() -> Opened:
    """Return the reader of SimpleITK; works without numpy."""
    sitk = import_module("SimpleITK")

    def read(path: str) -> list[Any]:
        image = sitk.ReadImage(path)
        columns, rows = image.GetSize()[:2]
        rest = (0,) * (image.GetDimension() - 2)
        return [image.GetPixel(x, y, *rest) for y in range(rows) for x in range(columns)]

    return {"SimpleITK": sitk.Version_VersionString()}, read


def open_itk() -> Opened:
    """Return the reader of ITK's own Python package."""
    itk = import_module("itk")
    version = itk.Version.GetITKVersion()

    def read(path: str) -> list[Any]:
        image = itk.imread(path)
        size = list(itk.size(image))
        rest = [0] * (len(size) - 2)
        return [
            image.GetPixel([x, y, *rest]) for y in range(int(size[1])) for x in range(int(size[0]))
        ]

    return {"itk": version}, read


def open_dcm2niix(program: str) -> Opened:
    """Return a reader that converts to NIfTI and reads that."""

    def read(path: str) -> list[Any]:
        folder = Path(tempfile.mkdtemp(dir="."))
        text = _run(program, "-z", "n", "-b", "n", "-f", "probe", "-o", str(folder), path)
        files = sorted(folder.glob("*.nii"))
        if len(files) != 1:
            raise RuntimeError(f"{len(files)} NIfTI files were written: {text}")
        return _nifti_values(files[0].read_bytes())

    return {}, read


def _nifti_values(data: bytes) -> list[Any]:
    """Return the values of a NIfTI-1 file of one slice, first DICOM row first."""
    columns, rows = struct.unpack_from("<2h", data, 42)
    code = _NIFTI_TYPES[struct.unpack_from("<h", data, 70)[0]]
    offset, slope, intercept = struct.unpack_from("<3f", data, 108)
    flat = struct.unpack_from(f"<{columns * rows}{code}", data, int(offset))
    right, _, _, _, _, up = struct.unpack_from("<6f", data, 280)
    # NIfTI axes point right and up in the patient, DICOM's left and down (our probes are axial).
    lines = [flat[i : i + columns] for i in range(0, len(flat), columns)]
    lines = [line[::-1] for line in lines] if right > 0 else lines
    lines = lines[::-1] if up > 0 else lines
    scale = slope not in (0.0, 1.0) or (slope == 1.0 and intercept != 0.0)
    return [v * slope + intercept if scale else v for line in lines for v in line]


def open_converter(program: str, *options: str) -> Opened:
    """Return a reader that lets a tool decompress the slice to a DICOM file."""

    def read(path: str) -> list[Any]:
        result = Path(tempfile.mkdtemp(dir="."), "out.dcm")
        text = _run(program, *options, path, str(result))
        if not result.is_file():
            raise RuntimeError("nothing was written: " + text)
        return _dicom_values(result.read_bytes())

    return {}, read


def _dicom_values(data: bytes) -> list[Any]:
    """Return the values of an uncompressed little-endian file."""
    marker = b"\xe0\x7f\x10\x00"
    start = data.rindex(marker)
    explicit = data[start + 4 : start + 6] in (b"OW", b"OB")
    at = start + (8 if explicit else 4)
    length = struct.unpack_from("<I", data, at)[0]
    if length == 0xFFFFFFFF:
        raise RuntimeError("the output is still compressed")
    allocated = _short(data, 0x0100)
    code = _CODES[allocated // 8]
    code = code.lower() if _short(data, 0x0103) else code
    return list(struct.unpack_from(f"<{length * 8 // allocated}{code}", data, at + 4))


def _short(data: bytes, element: int) -> int:
    """Return the number in an element of group 0028 with a VR of US."""
    value: int = struct.unpack_from("<H", data, data.index(struct.pack("<HH", 0x28, element)) + 8)[
        0
    ]
    return value


def _run(*command: str) -> str:
    """Run a tool and return what it said. Its exit status is no proof of anything."""
    done = subprocess.run(  # noqa: S603 - the tool that is to be probed
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace").strip()
    return f"exit status {done.returncode}, {said[-600:]}"


def _open(name: str, program: str) -> Opened:
    library, _, plugin = name.partition(":")
    if library == "pydicom":
        return open_pydicom(plugin)
    libraries = {"gdcm": open_gdcm, "SimpleITK": open_simpleitk, "itk": open_itk}
    if name in libraries:
        return libraries[name]()
    if name == "dcm2niix":
        return open_dcm2niix(program)
    options = {"gdcmconv": ("--raw",), "dcmdjpeg": ("+te",), "dcmconv": ("+te",)}
    return open_converter(program, *options[name])


def _try(read: Read, path: str) -> dict[str, Any]:
    try:
        return {"values": read(path)}
    except Exception as error:  # noqa: BLE001 - whatever a consumer raises is its answer
        return {"error": _text(error)}


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip()[-600:]}"


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    name, rest = arguments[0], arguments[1:]
    program = rest.pop(0) if name in ("dcm2niix", "gdcmconv", "dcmdjpeg", "dcmconv") else ""
    answer, paths = Path(rest[0]), rest[1:]
    try:
        versions, read = _open(name, program)
        result: dict[str, Any] = {"versions": versions, "slices": [_try(read, p) for p in paths]}
    except ModuleNotFoundError as error:
        result = {"missing": str(error)}
    except Exception as error:  # noqa: BLE001 - installed, but cannot be loaded
        result = {"slices": [{"error": _text(error)}] * len(paths)}
    part = answer.with_name(answer.name + ".part")
    part.write_text(json.dumps(result))
    part.replace(answer)


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        main(sys.argv[1:])
