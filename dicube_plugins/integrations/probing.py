"""Lets each framework read a tiny series in a process of its own, and compares what it got.

A probe is a script that knows its framework and judges nothing: it writes the values, and the
affine where the framework has one, and those are compared here. Probes of what is declared by an
entry point import nothing of this package.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from dicube_plugins._process import describe_status, run_limited
from dicube_plugins.capability import Outcome
from dicube_plugins.integrations.base import IntegrationReport
from dicube_plugins.integrations.sample import write_sample
from dicube_plugins.integrations.table import INTEGRATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy.typing as npt

    from dicube_plugins.integrations.base import Integration
    from dicube_plugins.integrations.sample import Sample

__all__ = ["probe_integrations"]

_PROBES = Path(__file__).with_name("probes")
#: Frameworks with torch take gigabytes each while they load.
_N_PROCESSES = 2
_SECONDS = 180.0
#: mm. DICOM states directions with few digits, and some frameworks keep 32-bit floats.
_TOLERANCE = 1e-3


def probe_integrations(
    integrations: Sequence[Integration] = INTEGRATIONS, *, timeout: float = _SECONDS
) -> list[IntegrationReport]:
    """Probe integrations; whatever a framework does, this function returns.

    Parameters
    ----------
    integrations : sequence of Integration
        Which; all by default.
    timeout : float
        Seconds for each; its process is killed then.
    """
    with tempfile.TemporaryDirectory(prefix="dicube-probe-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        study = folder / "study.dcbs"
        sample = write_sample(study)

        def ask(numbered: tuple[int, Integration]) -> IntegrationReport:
            number, integration = numbered
            work = folder / str(number)
            work.mkdir()
            return _probe(integration, study, sample, work, timeout)

        with ThreadPoolExecutor(_N_PROCESSES, thread_name_prefix="dicube-probe") as pool:
            return list(pool.map(ask, enumerate(integrations)))


def _probe(
    integration: Integration, study: Path, sample: Sample, work: Path, timeout: float
) -> IntegrationReport:
    versions: dict[str, str] = {}
    for name in integration.distributions:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            message = f"{name} is not installed: pip install 'dicube-plugins[{integration.extra}]'"
            return IntegrationReport(integration, "", Outcome.MISSING, message)
    start = time.perf_counter()
    answer, failure = _run(integration, study, work, timeout)
    seconds = round(time.perf_counter() - start, 2)
    outcome, message = Outcome.ERROR, failure
    if "missing" in answer:
        outcome, message = Outcome.MISSING, str(answer["missing"])
    elif not failure:
        outcome, message = _judge(integration, answer, sample)
    shown = next(iter(versions.values()), "")
    return IntegrationReport(integration, shown, outcome, message, seconds)


def _run(
    integration: Integration, study: Path, work: Path, timeout: float
) -> tuple[Mapping[str, Any], str]:
    """Run a probe: its answer, or why there is none."""
    answer, errors = work / "answer.npz", work / "errors.txt"
    # -P: neither the folder of the script nor the current one can put modules in the way.
    command = [sys.executable, "-P", str(_PROBES / integration.probe), str(study), str(answer)]
    with errors.open("wb") as file:
        status = run_limited(
            command, timeout, folder=work, stdout=subprocess.DEVNULL, stderr=file.fileno()
        )
    if status is None:
        return {}, f"no answer within {timeout:g} s"
    try:
        if status == 0:
            with np.load(answer, allow_pickle=False) as found:
                return dict(found), ""
    except (OSError, ValueError, EOFError, BadZipFile):
        pass
    said = errors.read_text("utf-8", "replace").strip().splitlines()
    return {}, f"{describe_status(status)}{': ' + said[-1][-600:] if said else ''}"


def _judge(
    integration: Integration, answer: Mapping[str, Any], sample: Sample
) -> tuple[Outcome, str]:
    """Compare what was read with the truth."""
    found = []
    if integration.values != "none":
        truth = sample.stored if integration.values == "stored" else sample.values
        wrong = _difference(answer.get("values"), truth)
        if wrong:
            return Outcome.WRONG, wrong
        found.append(f"all {truth.size} values")
    if integration.affine:
        wrong = _affine_error(answer.get("affine"), sample)
        if wrong:
            return Outcome.WRONG, wrong
        found.append("the affine")
    return Outcome.EQUAL, f"compared: {' and '.join(found)}"


def _difference(values: Any, truth: npt.NDArray[Any]) -> str:
    """Describe how values differ, empty where they do not."""
    if values is None or values.shape != truth.shape:
        shape = None if values is None else values.shape
        return f"an array of shape {shape} instead of {truth.shape}"
    different = int(np.count_nonzero(values != truth))
    return f"{different} of {truth.size} values differ" if different else ""


def _affine_error(affine: Any, sample: Sample) -> str:
    """Describe how the affine differs, empty where it does not."""
    if affine is None or affine.shape != (4, 4):
        return "there is no affine"
    error = float(np.abs(affine - sample.affine).max())
    return "" if error <= _TOLERANCE else f"the affine differs by {error:.3g}"
