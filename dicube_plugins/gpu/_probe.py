"""Probes a device in a process of its own: a driver may hang, or take its process with it."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_core.atomic import write_bytes
from dicube_core.exceptions import CodecUnavailableError
from dicube_plugins._process import describe_status, run_limited
from dicube_plugins.gpu._capability import DeviceCapability

if TYPE_CHECKING:
    from dicube_plugins.gpu._driver import Device

__all__ = ["DECODER", "probe"]

#: What makes the decoder of a device, given its number.
DECODER = "dicube_plugins.gpu._nvimgcodec:NvImageCodecDecoder"
#: Seconds. CUDA starts within a few; on its first use of a device it may compile for minutes.
_TIMEOUT = 240.0
_COMMAND = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from dicube_plugins.gpu._probe import run_child; run_child(*sys.argv[2:])"
)
_MAX_ANSWER = 1 << 20
_LONGEST_EVIDENCE = 400
#: What terminals take for colours.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def probe(
    device: Device, timeout: float = _TIMEOUT, decoder: str = DECODER
) -> tuple[DeviceCapability, bool]:
    """Let a device decode the probe frames.

    Parameters
    ----------
    device : Device
        Which.
    timeout : float
        Seconds until the process is ended.
    decoder : str
        ``module:callable``, called with the number of the device.

    Returns
    -------
    capability : DeviceCapability
        Whatever the device does, this function returns.
    conclusive : bool
        False where another try may end otherwise.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    paths = [entry for entry in sys.path if isinstance(entry, str)]
    with tempfile.TemporaryDirectory(prefix="dicube-gpu-") as name:
        answer, said = Path(name) / "answer.json", Path(name) / "said.txt"
        command = [sys.executable, "-P", "-c", _COMMAND, json.dumps(paths), decoder]
        with said.open("wb") as file:
            try:
                status = run_limited(
                    [*command, str(device.index), str(answer)],
                    timeout,
                    folder=None,
                    stdout=file.fileno(),
                    stderr=file.fileno(),
                )
            except OSError as exc:
                return DeviceCapability(str(device), (), f"no probe: {exc}", now), False
        if status == 0:
            try:
                with answer.open("rb") as file:
                    values = json.loads(file.read(_MAX_ANSWER))
                found = {**values, "device": str(device), "probed_at": now}
                return DeviceCapability.from_dict(found), not values["problem"]
            except (OSError, ValueError, KeyError, TypeError) as exc:
                problem = f"the probe gave no answer: {exc}"
        elif status is None:
            problem = f"no answer to the probe within {timeout:g} s"
        else:
            problem = f"the probe ended by {describe_status(status)}"
        return DeviceCapability(str(device), (), f"{problem}{_evidence(said)}", now), False


def _evidence(said: Path) -> str:
    words = _COLOUR.sub("", said.read_text("utf-8", "replace")).split()
    text = " ".join(words)[-_LONGEST_EVIDENCE:]
    return f": {text}" if text else ""


def run_child(decoder: str, index: str, answer: str) -> None:
    """Probe in this process, and write what was found to a file."""
    from dicube_plugins.gpu._compare import examine_decoder

    module, _, name = decoder.partition(":")
    try:
        made: Any = getattr(import_module(module), name)(int(index))
        found = DeviceCapability("", examine_decoder(made))
    except CodecUnavailableError as exc:
        found = DeviceCapability("", (), str(exc))
    write_bytes(json.dumps(found.to_dict()).encode(), answer)
