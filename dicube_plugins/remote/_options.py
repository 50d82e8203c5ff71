"""How stores are read: times, tries, and how much at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from dicube_core.exceptions import SettingsError
from dicube_core.source import Requests

__all__ = ["VARIABLES", "RemoteOptions"]

#: Environment variable of each option.
VARIABLES = {
    "timeout": "DICUBE_REMOTE_TIMEOUT",
    "retries": "DICUBE_REMOTE_RETRIES",
    "at_once": "DICUBE_REMOTE_REQUESTS",
    "request_bytes": "DICUBE_REMOTE_REQUEST_BYTES",
    "front_bytes": "DICUBE_REMOTE_FRONT_BYTES",
    "whole_bytes": "DICUBE_REMOTE_WHOLE_BYTES",
}
#: Least and greatest value.
_RANGES: dict[str, tuple[float, float]] = {
    "timeout": (0.001, 86_400),
    "retries": (0, 100),
    "at_once": (1, 64),
    "request_bytes": (1, 1 << 30),
    # The directory of the file has to be in it.
    "front_bytes": (1 << 10, 1 << 30),
    "whole_bytes": (0, 1 << 40),
}


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """How a store is read.

    Parameters
    ----------
    timeout : float
        Seconds without an answer, or without another byte of it, after which an HTTP request has
        failed. File systems of fsspec have times of their own.
    retries : int
        How often a request is made again: after a connection that failed or was cut, and after
        429 and 5xx of a web server, a moment later each time; of a file system of fsspec, after
        an answer that is too short.
    at_once : int
        Requests at the same time, and read ahead.
    request_bytes : int
        Slices side by side are asked for in one request, up to this length.
    front_bytes : int
        What is asked for when a file is opened.
    whole_bytes : int
        A file up to this size is read whole from a server that cannot give parts of it.

    Raises
    ------
    SettingsError
        A value is out of range.
    """

    timeout: float = 30.0
    retries: int = 4
    at_once: int = 8
    request_bytes: int = 2 << 20
    front_bytes: int = 1 << 15
    whole_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name), field.name)

    @classmethod
    def of_environment(cls) -> RemoteOptions:
        """Return what the environment says (`VARIABLES`), and the defaults for the rest.

        Raises
        ------
        SettingsError
            A value cannot be; the message names the variable.
        """
        found: dict[str, object] = {}
        for name, variable in VARIABLES.items():
            text = os.environ.get(variable)
            if text is None:
                continue
            value: object = text
            try:
                value = float(text) if name == "timeout" else int(text)
            except ValueError:
                value = text
            _check(name, value, f"environment variable {variable}")
            found[name] = value
        return cls(**found)  # type: ignore[arg-type]

    def requests(self) -> Requests:
        """Return what the core is told."""
        return Requests(
            front_bytes=self.front_bytes, joined_bytes=self.request_bytes, at_once=self.at_once
        )


def _check(name: str, value: object, said_by: str) -> None:
    least, most = _RANGES[name]
    right = isinstance(value, int | float) if name == "timeout" else type(value) is int
    if isinstance(value, bool) or not right or not least <= value <= most:  # type: ignore[operator]
        kind = "a number of seconds" if name == "timeout" else "an integer"
        raise SettingsError(f"{said_by} must be {kind} from {least:g} to {most:g}, not {value!r}")
