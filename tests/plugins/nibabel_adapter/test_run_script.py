"""Programs that ``dcbs exec`` finds, and those that it does not; each run in its own process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dicube_core.exceptions import MissingDependencyError
from dicube_plugins.run_script import find_program

SCRIPT = """
import sys
import warnings
import helper_beside_it
print(sys.argv, __name__, helper_beside_it.NUMBER)
warnings.warn("look here")
sys.exit(int(sys.argv[1]))
"""


def dcbs_exec(*arguments, cwd, **environment):
    """Run the command in its own process."""
    code = "from dicube_plugins.exec_command import run_script_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=cwd,
        env={**os.environ, **environment},
    )


@pytest.fixture
def script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "helper_beside_it.py").write_text("NUMBER = 7")
    return tmp_path / "script.py"


def test_a_python_file_runs_as_if_python_ran_it(script, tmp_path):
    done = dcbs_exec(script, "3", "--help", "-x", cwd=tmp_path.parent)
    assert done.returncode == 3, done.stderr
    assert done.stdout == f"{[str(script), '3', '--help', '-x']} __main__ 7\n"
    assert "UserWarning: look here" in done.stderr


def test_a_module_runs_as_if_python_ran_it(script, tmp_path):
    done = dcbs_exec("-m", "script", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "__main__ 7" in done.stdout
    assert "'0']" in done.stdout


def test_a_console_script_runs(tmp_path):
    done = dcbs_exec("pytest", "--version", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pytest" in done.stdout + done.stderr


@pytest.mark.parametrize("error", ["ValueError('no')", "FileNotFoundError(2, 'gone')", "Ours('x')"])
def test_an_error_of_the_program_shows_where_it_comes_from(tmp_path, error):
    lines = "from dicube_core.exceptions import GeometryError as Ours", f"raise {error}"
    (tmp_path / "script.py").write_text("\n".join(lines))
    done = dcbs_exec("script.py", cwd=tmp_path)
    assert done.returncode == 1
    assert f'{tmp_path / "script.py"}", line 2' in done.stderr


def test_its_place_is_known_when_it_changes_its_folder(tmp_path):
    (tmp_path / "script.py").write_text("import os; os.chdir('/'); print(__file__)")
    assert dcbs_exec("script.py", cwd=tmp_path).stdout == f"{tmp_path / 'script.py'}\n"


def test_no_framework_is_imported_that_the_program_does_not_import(tmp_path):
    (tmp_path / "script.py").write_text("import sys; print('nibabel' in sys.modules)")
    assert dcbs_exec("script.py", cwd=tmp_path).stdout == "False\n"


def test_the_command_explains_itself(tmp_path):
    done = dcbs_exec("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "PROGRAM [ARGUMENTS]" in done.stdout
    assert dcbs_exec(cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("no-such-program", ()), ("none.py", ()), ("-m", ("no_such_module",)), ("-m", ())],
)
def test_what_is_not_there_is_named(name, arguments):
    with pytest.raises(MissingDependencyError, match="console script") as failure:
        find_program(name, arguments)
    assert (arguments[0] if arguments else name) in str(failure.value)
    assert sys.prefix in str(failure.value)


def test_finding_leaves_the_path_as_it_was():
    before = list(sys.path)
    find_program("-m", ["json.tool"])
    assert sys.path == before
