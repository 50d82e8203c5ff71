"""The wheel works in a fresh environment, away from the checkout, with core dependencies only."""

import os
import sys
import zipfile

from environments import run
from support.series import Kind, make_series
from support.whole import write_files

SCRIPT = """
import sys
import dicube_core
light = [m for m in ("numpy", "pydicom", "imagecodecs") if m in sys.modules]
assert not light, light
assert "site-packages" in dicube_core.__file__, dicube_core.__file__
done = dicube_core.convert("source", "x.dcbs")
report = dicube_core.verify_against("x.dcbs", "source")
assert report.ok, report.failures
assert report.byte_identical == 4
image = dicube_core.load("x.dcbs")
dicube_core.save_to_dicom_folder(image, "out")
absent = [m for m in ("click", "rich", "nibabel", "SimpleITK", "dicube", "pytest")
          if __import__("importlib.util").util.find_spec(m)]
assert not absent, absent
print(done.shape, dicube_core.__version__)
"""


def test_contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
        entry_points = archive.read(next(n for n in names if n.endswith("entry_points.txt")))
    packages = {name.split("/")[0] for name in names}
    assert {"dicube_core", "dicube_plugins"} <= packages
    assert all(p in ("dicube_core", "dicube_plugins") or p.endswith(".dist-info") for p in packages)
    for package in ("dicube_core", "dicube_plugins"):
        assert f"{package}/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert "Requires-Python: >=3.11" in metadata
    assert b"dcbs = dicube_core.cli:main" in entry_points


def test_in_a_clean_environment(wheel, tmp_path):
    run([sys.executable, "-m", "venv", tmp_path / "venv"])
    python = tmp_path / "venv" / "bin" / "python"
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel])
    write_files(tmp_path / "elsewhere" / "source", make_series(4, Kind("ct", rows=64, columns=64)))
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    out = run([python, "-c", SCRIPT], cwd=tmp_path / "elsewhere", env=environment)
    assert out.startswith("(4, 64, 64)")
    assert len(list((tmp_path / "elsewhere" / "out").iterdir())) == 4
    run([python, "-m", "pip", "check", "--disable-pip-version-check"])
