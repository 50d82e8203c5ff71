"""The table of integrations, its probes, and the page that ``dcbs doctor`` writes of them."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import dicube_core
import dicube_plugins
from dicube_plugins.capability import Outcome
from dicube_plugins.integrations import (
    INTEGRATIONS,
    IntegrationReport,
    Switch,
    probe_integrations,
    probing,
)
from dicube_plugins.integrations.report import integration_table, markdown_page
from dicube_plugins.integrations.sample import write_sample

DOCS = Path(__file__).resolve().parents[2] / "docs"
BY_NAME = {integration.name: integration for integration in INTEGRATIONS}
#: Those that need nothing that the README's test command does not install.
HERE = ("pydicom", "nibabel", "SimpleITK", "imageio", "pydicom command")


def test_the_truth_of_the_sample_is_what_the_reader_says(tmp_path):
    sample = write_sample(tmp_path / "x.dcbs")
    image = dicube_core.load(tmp_path / "x.dcbs")
    assert np.array_equal(image.raw_image, sample.stored)
    assert np.array_equal(image.get_fdata("float64"), sample.values)
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert np.allclose(reader.geometry.affine_xyz_ras, sample.affine, atol=1e-6)


def test_frameworks_that_are_here_read_it_right():
    reports = probe_integrations([BY_NAME[name] for name in HERE])
    for report in reports:
        if find_spec(report.integration.distributions[0]) is not None:
            assert report.outcome is Outcome.EQUAL, f"{report.integration.name}: {report.message}"


WRONG = """
import sys
import numpy as np
with np.load(sys.argv[2].replace("answer.npz", "truth.npz")) as truth:
    values, affine = truth["values"], truth["affine"]
{change}
np.savez(sys.argv[2], values=values, affine=affine)
"""


@pytest.mark.parametrize(
    ("change", "outcome", "words"),
    [
        ("", Outcome.EQUAL, "960 values and the affine"),
        ("values[2, 3, 4] += 1", Outcome.WRONG, "1 of 960 values differ"),
        ("values = values[::-1]", Outcome.WRONG, "values differ"),
        ("values = values[:4]", Outcome.WRONG, "an array of shape (4, 12, 16)"),
        ("affine[0, 3] += 0.01", Outcome.WRONG, "the affine differs by 0.01"),
        ("affine[0, 3] = np.nan", Outcome.WRONG, "the affine differs by nan"),
        ("affine = np.eye(3)", Outcome.WRONG, "there is no affine"),
        ("raise SystemExit('it says no')", Outcome.ERROR, "it says no"),
        ("import os; os.kill(os.getpid(), 9)", Outcome.ERROR, "SIGKILL"),
        ("import time; time.sleep(60)", Outcome.ERROR, "no answer within"),
        ("np.savez(sys.argv[2], missing='no server'); sys.exit()", Outcome.MISSING, "no server"),
        ("open(sys.argv[2], 'w').write('x'); sys.exit()", Outcome.ERROR, "exit status 0"),
    ],
)
def test_a_probe_is_judged_by_what_it_read(tmp_path, monkeypatch, change, outcome, words):
    (tmp_path / "probe.py").write_text(WRONG.format(change=change))
    monkeypatch.setattr(probing, "_PROBES", tmp_path)
    integration = replace(BY_NAME["nibabel"], probe="probe.py", distributions=("numpy",))
    sample = write_sample(tmp_path / "study.dcbs")
    work = tmp_path / "work"
    work.mkdir()
    np.savez(work / "truth.npz", values=sample.values, affine=sample.affine)
    report = probing._probe(
        integration, tmp_path / "study.dcbs", sample, work, 1.0 if "sleep" in change else 60.0
    )
    assert report.outcome is outcome, report.message
    assert words in report.message
    assert report.ok is (outcome in (Outcome.EQUAL, Outcome.MISSING))


def test_what_is_not_installed_is_missing_and_says_how_to_get_it():
    integration = replace(BY_NAME["nibabel"], distributions=("no-such-distribution",))
    (report,) = probe_integrations([integration])
    assert report.outcome is Outcome.MISSING
    assert "pip install 'dicube-plugins[nibabel]'" in report.message
    assert report.ok


def test_dask_without_its_workers_is_missing(monkeypatch):
    def version(name):
        if name == "distributed":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(probing, "version", version)
    (report,) = probe_integrations([BY_NAME["dask"]])
    assert report.outcome is Outcome.MISSING
    assert "pip install 'dicube-plugins[dask]'" in report.message


def test_every_adapter_has_a_row():
    rows = {
        re.search(r'install\("(.*?)"\)', integration.how).group(1)
        for integration in INTEGRATIONS
        if integration.switch is Switch.INSTALLED
    }
    assert rows == {adapter.name for adapter in dicube_plugins.status()}


GROUPS = {
    integration.how.removeprefix("entry point ")
    for integration in INTEGRATIONS
    if integration.switch is Switch.DECLARED
}


def test_every_entry_point_for_a_framework_has_a_row():
    points = distribution("dicube-plugins").entry_points
    ours = {point.group for point in points if not point.group.startswith("dicube")}
    ours.discard("console_scripts")
    assert ours == GROUPS


@pytest.mark.parametrize("integration", INTEGRATIONS, ids=lambda one: one.name)
def test_every_integration_has_a_page_a_probe_and_an_extra(integration):
    assert (DOCS / integration.page).exists()
    probe = DOCS.parent / "dicube_plugins" / "integrations" / "probes" / integration.probe
    text = probe.read_text()
    assert text.startswith('"""')
    if integration.switch is Switch.INSTALLED:
        assert integration.how in text
    project = (DOCS.parent / "pyproject.toml").read_text()
    assert re.search(rf"^{integration.extra} = \[", project, re.MULTILINE) or (
        integration.extra == "pydicom"  # always there
    )


def rows(text: str, section: str) -> list[list[str]]:
    table = text.split(f"## {section}")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_is_what_the_command_writes_but_for_versions():
    reports = [
        IntegrationReport(integration, "", Outcome.EQUAL, "") for integration in INTEGRATIONS
    ]
    made, page = markdown_page(reports, [], []), (DOCS / "compatibility.md").read_text()
    columns = (0, 1, 2, 4)
    expected, found = (
        [[row[i] for i in columns] for row in rows(text, "Frameworks")] for text in (made, page)
    )
    assert found == expected
    for row in rows(page, "Frameworks")[2:]:
        assert row[5] in {"equal", "not installed here"}, row[0]
    heads = [[line for line in t.splitlines() if line.startswith("#")] for t in (made, page)]
    assert heads[0] == heads[1]


def test_the_command_prints_and_writes_them(tmp_path):
    code = """
import dicube_plugins.integrations as package, dicube_plugins.integrations.probing as probing
kept = tuple(i for i in package.INTEGRATIONS if i.name == "pydicom")
probing.probe_integrations.__defaults__ = (kept,)
from dicube_core.cli import main
main()
"""
    target = tmp_path / "page.md"
    arguments = ["doctor", "--consumer", "dcmtk", "--json", "--markdown", str(target)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["integrations"]
    assert (found["name"], found["outcome"]) == ("pydicom", "equal")
    assert "| [pydicom](pydicom.md) | installed |" in target.read_text()


def test_the_table_says_what_was_wrong():
    reports = [
        IntegrationReport(
            BY_NAME["nibabel"], "5.4.2", Outcome.WRONG, "1 of 960 values differ", 1.0
        ),
        IntegrationReport(BY_NAME["xarray"], "", Outcome.MISSING, "not here"),
    ]
    console = Console(width=160, file=io.StringIO())
    console.print(integration_table(reports))
    printed = console.file.getvalue()
    assert re.search(r"nibabel +│ 5\.4\.2 +│ installed", printed)
    assert "wrong: 1 of 960 values differ" in printed
    assert "missing: not here" in printed
