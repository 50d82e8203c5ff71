"""``--dask`` is there, says what is missing, and is refused where it makes no sense."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from dicube_core.cli.app import dcbs
from dicube_core.phantom import write_phantom_series


@pytest.fixture
def series(tmp_path):
    write_phantom_series(tmp_path / "series", 2, size=32)
    return tmp_path / "series"


def run(*arguments):
    return CliRunner().invoke(dcbs, [str(a) for a in arguments])


@pytest.mark.parametrize("command", ["convert", "verify"])
def test_the_option_is_shown(command):
    assert "--dask ADDRESS" in run(command, "--help").stdout


def test_it_is_for_a_folder_of_results(series, tmp_path):
    pytest.importorskip("distributed")
    result = run("convert", series, tmp_path / "x.dcbs", "--dask", "tcp://127.0.0.1:9")
    assert result.exit_code == 2
    assert "--dask is for a folder OUT" in result.stderr
    assert not (tmp_path / "x.dcbs").exists()


@pytest.mark.parametrize("command", ["convert", "verify"])
def test_without_dask_it_says_what_to_install(command, series, tmp_path):
    code = (
        "import sys; sys.modules['distributed'] = sys.modules['dask'] = None\n"
        "from dicube_core.cli import main; main()"
    )
    more = [str(tmp_path / "out")] if command == "convert" else []
    done = subprocess.run(
        [sys.executable, "-c", code, command, str(series), *more, "--dask", "local"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert "pip install 'dicube-plugins[dask]'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_the_option_nothing_changes(series, tmp_path):
    assert run("convert", series, tmp_path / "out", "--jobs", 1).exit_code == 0
    assert run("verify", tmp_path / "out").exit_code == 0
    assert run("verify", next((tmp_path / "out").iterdir())).stdout.strip().endswith("OK")
