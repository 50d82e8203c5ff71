"""The command line as a user meets it: output, files, exit codes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import dicube_core
from dicube_core.cli.app import dcbs


def run(*arguments):
    return CliRunner().invoke(dcbs, [str(a) for a in arguments])


def dcbs_process(*arguments, **options):
    command = [sys.executable, "-c", "from dicube_core.cli import main; main()"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def test_convert_verify_export_info(series, tmp_path):
    out = tmp_path / "a.dcbs"
    result = run("convert", series, out)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    assert "12 frames 64x64 uint16" in result.stdout
    result = run("verify", out, "--against", series)
    assert result.exit_code == 0, result.output
    assert "12 restored byte for byte" in result.stdout
    assert run("export", out, tmp_path / "back").exit_code == 0
    for path in series.iterdir():
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()
    result = run("info", out)
    assert result.exit_code == 0
    assert "12 of 64x64" in result.stdout


def test_progressive_files_deliver_rpcl(series, tmp_path):
    from dicube_core.dicom import DcbStreamingReader
    from dicube_core.exceptions import TransferSyntaxError

    for name, options in (("plain.dcbs", ()), ("rpcl.dcbs", ("--progressive",))):
        assert run("convert", series, tmp_path / name, *options).exit_code == 0
        with DcbStreamingReader(tmp_path / name) as reader:
            if options:
                assert reader.get_dicom_for_frame(0, transfer_syntax="1.2.840.10008.1.2.4.202")
            else:
                with pytest.raises(TransferSyntaxError):
                    reader.get_dicom_for_frame(0, transfer_syntax="1.2.840.10008.1.2.4.202")


def test_json_of_info_and_verify(converted, series):
    facts = json.loads(run("info", converted, "--json").stdout)
    assert facts["frames"] == 12
    assert facts["geometry"]["spacing_mm"][0] == 5
    assert facts["checksums"] is True
    assert facts["status"] == "consistent"
    report = json.loads(run("verify", converted, "--against", series, "--json").stdout)
    assert report["ok"] is True
    assert report["values_compared"] == 12 * 64 * 64


def test_findings_are_listed_in_words(series, tmp_path):
    sparse = tmp_path / "sparse"
    sparse.mkdir()
    for number, path in enumerate(sorted(series.iterdir())):
        if number != 5:
            (sparse / path.name).write_bytes(path.read_bytes())
    assert "findings" in run("convert", sparse, tmp_path / "s.dcbs").stdout
    shown = run("info", tmp_path / "s.dcbs").stdout
    assert "no regular grid" in shown
    assert "missing" in shown


def test_a_target_is_replaced_only_with_force(series, tmp_path):
    out = tmp_path / "a.dcbs"
    out.write_bytes(b"precious")
    result = run("convert", series, out)
    assert result.exit_code == 5
    assert out.read_bytes() == b"precious"
    assert run("convert", series, out, "--force").exit_code == 0
    assert out.read_bytes().startswith(b"DCMCUBES")


def test_a_filled_folder_is_refused(converted, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    assert run("export", converted, tmp_path).exit_code == 5
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_verify_says_what_is_damaged(converted, tmp_path):
    data = bytearray(converted.read_bytes())
    with dicube_core.open(converted) as reader:
        data[reader.container.index.offsets[11] + 60] ^= 4
    damaged = tmp_path / "d.dcbs"
    damaged.write_bytes(data)
    result = run("verify", damaged)
    assert result.exit_code == 1
    assert "FAILED" in result.stdout
    assert "frame 11" in result.stdout
    assert "11 of 12 frames decoded" in result.stdout


def test_verify_against_another_source_fails(converted, series, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for path in series.iterdir():
        data = path.read_bytes()
        (other / path.name).write_bytes(data.replace(b"Phantom Works", b"Phantom Wirks"))
    result = run("verify", converted, "--against", other)
    assert result.exit_code == 1
    assert "(0008,0070)" in result.stdout


def test_files_that_are_left_out_are_named(series, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for path in series.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "notes.txt").write_text("not DICOM")
    result = run("convert", folder, tmp_path / "a.dcbs")
    assert result.exit_code == 0
    assert "warning: left out notes.txt" in result.output


def test_nifti_both_ways(converted, tmp_path):
    pytest.importorskip("nibabel")
    nii = tmp_path / "a.nii.gz"
    assert run("export", converted, nii, "--nifti").exit_code == 0
    assert run("export", converted, nii, "--nifti").exit_code == 5
    assert run("convert", nii, tmp_path / "b.dcbs").exit_code == 0
    first, second = dicube_core.load(converted), dicube_core.load(tmp_path / "b.dcbs")
    assert np.array_equal(first.raw_image, second.raw_image)
    assert run("export", tmp_path / "b.dcbs", tmp_path / "c.nii.gz", "--nifti").exit_code == 0
    assert (tmp_path / "c.nii.gz").read_bytes() == nii.read_bytes()


def _tiles(path):
    from PIL import Image

    return np.asarray(Image.open(path))


def test_preview_shows_the_slices(converted, tmp_path):
    out = tmp_path / "p.png"
    assert run("preview", converted, out, "--size", 64, "--columns", 4).exit_code == 0
    sheet = _tiles(out)
    assert sheet.shape == (3 * 64, 4 * 64)
    body, air = sheet[20:50, 20:44], sheet[54:64, 0:6]
    assert body.mean() > air.mean() + 50
    assert run("preview", converted, out).exit_code == 5
    few = run("preview", converted, tmp_path / "q.png", "--max-tiles", 2, "--size", 32)
    assert few.exit_code == 0
    assert "64x32" in few.stdout


def test_monochrome1_is_shown_inverted(tmp_path):
    sheets = []
    for name in ("MONOCHROME1", "MONOCHROME2"):
        ramp = np.tile(np.arange(64, dtype=np.uint16) * 60, (3, 64, 1))
        image = dicube_core.DicomCubeImage(ramp, dicube_core.PixelDataHeader())
        image.init_meta("CR")
        image.dicom_meta.set_shared_item("PhotometricInterpretation", name)
        folder = tmp_path / name
        dicube_core.save_to_dicom_folder(image, folder)
        dicube_core.convert(folder, tmp_path / f"{name}.dcbs")
        out = tmp_path / f"{name}.png"
        result = run(
            "preview", tmp_path / f"{name}.dcbs", out, "--size", 64, "--window", "1900,3800"
        )
        assert result.exit_code == 0, result.output
        sheets.append(_tiles(out).astype(int)[40:60, 4:60])
    assert np.abs(sheets[0] + sheets[1] - 255).max() <= 1
    assert sheets[1][0, -1] > sheets[1][0, 0]


def test_demo_with_generated_data(tmp_path):
    result = run("demo", "--out", tmp_path / "o", "--slices", 3)
    assert result.exit_code == 0, result.output
    assert "3 of 3 exported files equal the source" in result.stdout
    assert (tmp_path / "o" / "run-001" / "preview.png").stat().st_size > 1000
    assert run("demo", "--out", tmp_path / "o", "--slices", 1).exit_code == 0
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == ["run-001", "run-002"]


def test_demo_with_a_folder(series, tmp_path):
    result = run("demo", series, "--out", tmp_path / "o")
    assert result.exit_code == 0, result.output
    assert "12 of 12 exported files equal the source" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["info", "nowhere.dcbs"], 5),
        (["info", __file__], 3),
        (["verify", "nowhere.dcbs"], 5),
        (["convert", "nowhere", "x.dcbs"], 5),
        (["convert", Path(__file__).parent, "x.dcbs"], 3),
        (["preview", __file__, "x.png"], 3),
        (["nonsense"], 2),
        (["convert"], 2),
        (["preview", __file__, "x.png", "--window", "5"], 2),
        (["--threads", "0", "info", __file__], 2),
    ],
    ids=lambda value: "-".join(map(str, value))[:40] if isinstance(value, list) else str(value),
)
def test_errors_are_one_line_and_a_code(arguments, code, tmp_path):
    result = dcbs_process(*arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    if code != 2:
        assert result.stderr.startswith("dcbs: error: ")
        assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_unsupported_kinds_have_their_own_code(tmp_path):
    from pydicom.data import get_testdata_file

    path = get_testdata_file("liver_1frame.dcm", download=False)
    result = dcbs_process("convert", path, tmp_path / "a.dcbs")
    assert result.returncode == 4
    assert "Segmentation Storage" in result.stderr


def test_a_pipe_gets_no_progress_bar(series, tmp_path):
    result = dcbs_process("convert", series, tmp_path / "a.dcbs")
    assert result.returncode == 0
    assert result.stderr == ""
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
def test_letters_that_the_output_lacks_are_escaped(converted, tmp_path, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", f"{encoding}:strict")
    file = tmp_path / "Серия \udcff.dcbs"  # the last is a byte that is no text
    try:
        shutil.copy(converted, file)
    except (OSError, UnicodeError):
        file = tmp_path / "Серия.dcbs"
        shutil.copy(converted, file)
    for command in ("info", "verify"):
        result = dcbs_process(command, file.name, encoding=encoding, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        shown = file.name.encode(encoding, "backslashreplace").decode(encoding)
        assert shown in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["preview", "a.dcbs", "link.png", "--force"],
        ["references", "a.dcbs", "a.dcbs", "--force"],
        ["export", "a.dcbs", "link.nii", "--nifti", "--force"],
        ["deliver", "a.dcbs", "a.dcbs", "--archive", "zip", "--frames", "0", "--force"],
        ["edit", "a.dcbs", "b.dcbs", "--delete", "PatientName", "--report", "a.dcbs", "--force"],
        ["edit", "a.dcbs", "b.dcbs", "--delete", "PatientName", "--report", "b.dcbs"],
        ["edit", "a.dcbs", "--in-place", "--delete", "PatientName", "--report", "a.dcbs"],
    ],
)
def test_a_file_is_never_written_over_by_what_is_made_of_it(
    converted, tmp_path, monkeypatch, arguments
):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.dcbs"
    shutil.copy(converted, file)
    for name in ("link.png", "link.nii"):
        (tmp_path / name).symlink_to(file)
    assert run(*arguments).exit_code in (3, 5)
    assert file.read_bytes() == converted.read_bytes()
    assert not (tmp_path / "b.dcbs").exists()


def test_pictures_are_called_png(converted, tmp_path):
    done = run("preview", converted, tmp_path / "a.jpg")
    assert done.exit_code == 2
    assert ".png" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("window", ["nan,400", "inf,400", "40,inf", "40,nan", "40,0"])
def test_a_window_is_finite(converted, tmp_path, window):
    assert run("preview", converted, tmp_path / "a.png", "--window", window).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [["convert", "URL", "a.dcbs"], ["edit", "URL", "a.dcbs"], ["repair", "URL", "a.dcbs"]],
)
def test_an_address_is_no_path_where_a_disk_is_needed(arguments):
    url = "https://user:secret@example.org/a.dcbs?signature=secret"
    done = run(*(url if one == "URL" else one for one in arguments))
    assert done.exit_code == 2
    assert "https://example.org/a.dcbs is an address" in done.output
    assert "secret" not in done.output


def test_deliver_reads_an_address(converted, tmp_path):
    options = ["--transfer-syntax", "htj2k"]
    assert run("deliver", converted.as_uri(), tmp_path / "a", *options).exit_code == 0
    assert run("deliver", converted, tmp_path / "b", *options).exit_code == 0
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert len(names) == 12
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_of_a_file_that_cannot_be_opened_nothing_is_said(converted, tmp_path):
    cut = tmp_path / "cut.dcbs"
    cut.write_bytes(converted.read_bytes()[:-100])
    alone = run("verify", cut)
    assert alone.exit_code == 1
    assert "no checksums" not in alone.stdout
    many = run("verify", cut, converted)
    assert many.exit_code == 1
    row = next(line for line in many.stdout.splitlines() if line.startswith(str(cut)))
    assert row.split()[1:3] == ["-", "-"]


def test_debug_shows_the_traceback(tmp_path):
    for before in ([], ["--threads", "2"]):
        result = dcbs_process(*before, "--debug", "info", __file__)
        assert "Traceback" in result.stderr
        assert result.stderr.splitlines()[-1].startswith("dcbs: error: ")
        assert result.returncode == 3


def test_help_names_every_command_and_code():
    result = run("--help")
    assert result.exit_code == 0
    for word in ("convert", "export", "info", "verify", "preview", "demo", "130"):
        assert word in result.stdout
    for name in ("convert", "export", "info", "verify", "preview", "demo"):
        assert run(name, "--help").exit_code == 0
    assert dicube_core.__version__ in run("--version").stdout


def test_help_loads_no_library():
    code = (
        "import sys\nfrom dicube_core.cli.app import dcbs\n"
        "try: dcbs.main(['--help'])\nexcept SystemExit: pass\n"
        "bad = {'numpy', 'pydicom', 'imagecodecs', 'rich', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {bad}' if bad else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


def _interrupted_convert(folder, out):
    """Interrupt a conversion as soon as something is written; return exit code and stderr."""
    # Whatever runs the tests may have interrupts ignored, as nohup does.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from dicube_core.cli import main; main()"
    )
    arguments = ["--threads", "1", "convert", str(folder), str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(out.parent.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


def test_an_interrupt_leaves_nothing_behind(tmp_path):
    from dicube_core.phantom import write_phantom_series

    folder = tmp_path / "in"
    write_phantom_series(folder, 40, size=512)
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "a.dcbs"
    for _ in range(5):
        status, stderr = _interrupted_convert(folder, out)
        if status != 0:
            break
        out.unlink()  # on a busy machine the conversion may have been faster than the signal
    assert status == 130, stderr
    assert "Traceback" not in stderr
    assert list(out.parent.iterdir()) == []
