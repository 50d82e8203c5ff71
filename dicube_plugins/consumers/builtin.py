"""The consumers that come with this package."""

from __future__ import annotations

from pathlib import Path

from dicube_plugins.consumers.base import PROGRAM, PYTHON, Consumer
from dicube_plugins.hookspecs import hookimpl

__all__ = ["dicube_consumers"]

# -I: neither the current folder nor the environment can put other modules in the way.
_DRIVER = (PYTHON, "-I", str(Path(__file__).with_name("driver.py")))
_PYLIBJPEG = ("pydicom", "numpy", "pylibjpeg", "pylibjpeg-openjpeg")


def _library(name: str, description: str, reader: str, *distributions: str) -> Consumer:
    return Consumer(name, description, (*_DRIVER, reader), distributions)


def _program(
    name: str, description: str, program: str, version_args: tuple[str, ...], *packages: str
) -> Consumer:
    return Consumer(
        name, description, (*_DRIVER, program, PROGRAM), packages, program, version_args
    )


@hookimpl
def dicube_consumers() -> list[Consumer]:
    """Return pydicom, GDCM, SimpleITK, itk, and the common command-line tools."""
    gdcm = "python-gdcm"
    return [
        _library("pydicom", "pydicom, any of its decoders", "pydicom", *_PYLIBJPEG, gdcm),
        _library("pydicom:pylibjpeg", "pydicom with pylibjpeg", "pydicom:pylibjpeg", *_PYLIBJPEG),
        _library("pydicom:gdcm", "pydicom with GDCM", "pydicom:gdcm", "pydicom", "numpy", gdcm),
        _library("gdcm", "GDCM for Python", "gdcm", gdcm),
        _library("SimpleITK", "SimpleITK", "SimpleITK", "SimpleITK"),
        _library("itk", "ITK for Python", "itk", "itk", "itk-core", "itk-io"),
        _program("dcm2niix", "dcm2niix, to NIfTI", "dcm2niix", ("--version",), "dcm2niix"),
        _program("gdcmconv", "GDCM's converter gdcmconv", "gdcmconv", ("--version",), gdcm),
        _program("dcmtk", "DCMTK's decoder dcmdjpeg", "dcmdjpeg", ("--version",)),
        _program("dcmtk:dcmconv", "DCMTK's converter dcmconv", "dcmconv", ("--version",)),
    ]
