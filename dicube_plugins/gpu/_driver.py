"""Which GPU there is, and what it runs with. nvImageCodec is not loaded for that."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_core.codec.self_test import distribution_version
from dicube_core.exceptions import CodecUnavailableError
from dicube_plugins.gpu._nvimgcodec import INSTALL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Device", "find_device", "installed_version", "library_versions"]

_LIBRARIES = {"win32": "nvcuda.dll"}
_DISTRIBUTIONS = tuple(
    f"nvidia-{name}-cu{cuda}" for name in ("nvimgcodec", "nvjpeg2k") for cuda in (12, 13)
)
#: The kernel module; one version of CUDA comes with many of it.
_MODULE_VERSION = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU, with all that may change what it decodes.

    Parameters
    ----------
    index : int
        As CUDA counts them for this process.
    name, uuid : str
        Of the GPU.
    driver : str
        Of the driver and its kernel module.
    versions : mapping of str to str
        nvImageCodec and the library that it decodes JPEG 2000 with.
    """

    index: int
    name: str
    uuid: str
    driver: str
    versions: Mapping[str, str]

    def __str__(self) -> str:
        said = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"GPU {self.index} ({self.name}, driver {self.driver}; {said})"


def library_versions() -> dict[str, str]:
    """Return the versions of the packages that decode."""
    found = {name: distribution_version(name) for name in _DISTRIBUTIONS}
    return {name: version for name, version in found.items() if version}


def installed_version() -> str:
    """Return the version of nvImageCodec, '' where it is not installed."""
    return next((v for name, v in library_versions().items() if "nvimgcodec" in name), "")


def find_device(index: int, load: Callable[[str], Any] = ctypes.CDLL) -> Device:
    """Find a GPU. Thread-safe.

    CUDA is started in this process, if there is a driver: processes made by fork later cannot use
    it.

    Parameters
    ----------
    index : int
        Which, counted from 0.
    load : callable, optional
        Opens the library of the driver.

    Raises
    ------
    CodecUnavailableError
        Something of it is not there: the package, the driver, or this GPU. The message says what
        to install.
    """
    _require_package()
    name = _LIBRARIES.get(sys.platform, "libcuda.so.1")
    try:
        library = load(name)
    except OSError as exc:
        raise CodecUnavailableError(
            f"there is no NVIDIA driver here: {exc}",
            suggestion="decoding on a GPU needs the driver, and in a container access to it "
            "(docker run --gpus all); without one, frames are decoded by the CPU",
        ) from exc
    _call(library, "cuInit", 0)
    count, version = ctypes.c_int(), ctypes.c_int()
    _call(library, "cuDeviceGetCount", ctypes.byref(count))
    if not 0 <= index < count.value:
        raise CodecUnavailableError(
            f"there is no GPU {index}: CUDA finds {count.value} (counted from 0)",
            suggestion="CUDA_VISIBLE_DEVICES decides which of them a process sees",
        )
    _call(library, "cuDriverGetVersion", ctypes.byref(version))
    handle = ctypes.c_int()
    _call(library, "cuDeviceGet", ctypes.byref(handle), index)
    text, uuid = ctypes.create_string_buffer(256), ctypes.create_string_buffer(16)
    _call(library, "cuDeviceGetName", text, 256, handle)
    _call(library, "cuDeviceGetUuid", uuid, handle)
    driver = f"CUDA {version.value // 1000}.{version.value % 1000 // 10}{_module_version()}"
    shown = text.value.decode("utf-8", "replace")
    return Device(index, shown, uuid.raw.hex(), driver, library_versions())


def _require_package() -> None:
    try:
        found = find_spec("nvidia.nvimgcodec")
    except ImportError:
        found = None
    if found is None:
        raise CodecUnavailableError(
            "decoding on a GPU needs nvImageCodec, which is not installed", suggestion=INSTALL
        )


def _call(library: Any, function: str, *arguments: Any) -> None:
    status = getattr(library, function)(*arguments)
    if status:
        raise CodecUnavailableError(
            f"the NVIDIA driver does not work: {function} returns {status}",
            suggestion="nvidia-smi must list the GPU; a process made by fork cannot use CUDA after "
            "its parent did",
        )


def _module_version() -> str:
    """Return the version of the kernel module, with a separator in front."""
    try:
        words = _MODULE_VERSION.read_text("utf-8", "replace").split()
    except OSError:
        return ""
    number = next((w for w in words if w[0].isdigit() and "." in w), "")
    return f", {number}" if number else ""
