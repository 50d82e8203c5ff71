"""``dcbs preview --planes``."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from support.raw import text
from support.series import make_series
from support.whole import write_files

import dicube_core
from dicube_core.cli.app import dcbs
from dicube_core.cli.exits import Exit

pytest.importorskip("PIL")


def run(*arguments):
    return CliRunner().invoke(dcbs, [str(one) for one in arguments])


def test_three_planes_in_one_scale(converted, tmp_path):
    from PIL import Image

    out = tmp_path / "p.png"
    done = run("preview", converted, out, "--planes", "--size", 160)
    assert done.exit_code == 0, done.output
    # 400 mm x 400 mm x 12 slices of 5 mm: the planes through them are 24 pixels high.
    with Image.open(out) as picture:
        assert picture.size == (3 * 196 + 2 * 7, 28 + 160)
    assert run("preview", converted, out, "--planes").exit_code == Exit.SYSTEM  # it exists


def test_slices_without_a_grid_are_refused_in_one_line(tmp_path):
    def edit(index, nodes):
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{2.5 * index + 0.3 * (index % 2)}")

    dicube_core.convert(write_files(tmp_path / "s", make_series(4, edit=edit)), tmp_path / "x.dcbs")
    done = run("preview", tmp_path / "x.dcbs", tmp_path / "p.png", "--planes")
    assert done.exit_code == Exit.BAD_INPUT
    assert "no regular grid" in done.stderr
    assert not (tmp_path / "p.png").exists()
    assert run("preview", tmp_path / "x.dcbs", tmp_path / "p.png").exit_code == 0


@pytest.mark.parametrize(
    "options",
    [("--planes", "--max-tiles", "4"), ("--planes", "--columns", "2"), ("--volume", "0")],
    ids="-".join,
)
def test_options_that_would_be_ignored(options, converted, tmp_path):
    done = run("preview", converted, tmp_path / "p.png", *options)
    assert done.exit_code == Exit.USAGE


def test_a_volume_that_there_is_none_of(converted, tmp_path):
    done = run("preview", converted, tmp_path / "p.png", "--planes", "--volume", "1")
    assert done.exit_code == Exit.BAD_INPUT
    assert "there are 1" in done.stderr


def test_the_series_itself_is_never_replaced(converted, tmp_path):
    before = converted.read_bytes()
    link = tmp_path / "link.png"
    link.symlink_to(converted)
    for out in (converted, link):
        done = run("preview", converted, out, "--force")
        assert done.exit_code == Exit.BAD_INPUT
        assert "it is the file that is read" in done.stderr
        assert converted.read_bytes() == before


@pytest.mark.parametrize("window", ["40,0", "nan,400", "40,inf", "40,-1"])
def test_what_is_no_window(window, converted, tmp_path):
    done = run("preview", converted, tmp_path / "p.png", "--window", window)
    assert done.exit_code == Exit.USAGE
