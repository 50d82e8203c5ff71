"""Results of benchmarks are read, kept, shown in tables and drawn; the commands run. No times."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from results_page.results import Result, Results
from results_page.tables import fill, markdown_table, number, section

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
ROWS = (
    Result("load", "other", "a", 0.05, 0.1),
    Result("load", "other", "b", 1.234, 1.0),
    Result("size", "other", "a", 1.00123, 1.005),
    Result("only b", "none", "b", 0.5, None),
    Result("missing", "x", "a", None, 2.0),
)


def test_both_forms_of_a_report_are_read(tmp_path):
    row = {"task": "t", "against": "o", "goal": 0.5, "ratio": 0.25}
    lists = tmp_path / "one.json"
    lists.write_text(json.dumps([{**row, "data": "d"}]))
    whole = tmp_path / "two.json"
    whole.write_text(json.dumps({"environment": {"cpus": 2}, "rows": [{**row, "series": "d"}]}))
    one, two = Results.read(lists), Results.read(whole)
    assert one.rows == two.rows == (Result("t", "o", "d", 0.25, 0.5),)
    assert two.environment == {"cpus": 2}
    two.write(tmp_path / "two.json")
    assert Results.read(tmp_path / "two.json") == two


def test_the_table_says_what_is_missed():
    lines = markdown_table(Results("x", {"cpus": 2, "python": ""}, ROWS)).splitlines()
    assert lines[0] == "| task | against | goal | a | b |"
    assert lines[2] == "| load | other | ≤ 0.1 / ≤ 1 | 0.05 | **1.23** |"
    assert lines[3] == "| size | other | ≤ 1.005 | 1.0012 |  |"
    assert lines[5] == "| missing | x | ≤ 2 |  |  |"
    assert lines[-1] == "Measured with: cpus 2."


@pytest.mark.parametrize(
    ("ratio", "goal", "text"), [(0.0123, None, "0.012"), (0.5, 0.6, "0.50"), (2.345, 2, "2.35")]
)
def test_numbers_have_digits_that_say_something(ratio, goal, text):
    assert number(ratio, goal) == text


def test_a_page_is_filled_between_its_marks():
    page = "a\n<!-- table x -->\nold\n<!-- end x -->\nb\n"
    filled = fill(page, "x", "new")
    assert filled == "a\n<!-- table x -->\n\nnew\n\n<!-- end x -->\nb\n"
    assert fill(filled, "x", "new") == filled
    with pytest.raises(LookupError, match="'y'"):
        fill(page, "y", "new")


def test_the_page_shows_all_results_and_pictures():
    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    for path in (DOCS / "results").glob("*.json"):
        assert section(Results.read(path)) in page, path.stem
        assert (DOCS / "images" / f"bench_{path.stem}.svg").exists()


def test_every_benchmark_is_on_the_page():
    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    for script in HERE.glob("bench_*.py"):
        assert script.name in page, script.name


def test_results_without_a_place_are_named_and_the_others_shown(tmp_path):
    pytest.importorskip("matplotlib")
    from plot_results import draw_all

    for folder in ("results", "images"):
        (tmp_path / folder).mkdir()
    for name in ("x", "y"):
        Results(name, {}, ROWS).write(tmp_path / "results" / f"{name}.json")
    (tmp_path / "benchmarks.md").write_text("<!-- table y -->\n<!-- end y -->\n")
    with pytest.raises(LookupError, match="for x"):
        draw_all(tmp_path)
    assert "images/bench_y.svg" in (tmp_path / "benchmarks.md").read_text()
    assert not (tmp_path / "images" / "bench_x.svg").exists()


def test_one_command_measures_keeps_and_draws(tmp_path):
    if find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed")
    (tmp_path / "results").mkdir()
    (tmp_path / "images").mkdir()
    marks = "<!-- table multiframe -->\n<!-- end multiframe -->\n"
    (tmp_path / "benchmarks.md").write_text(marks)
    command = [sys.executable, str(HERE / "run_all.py"), "--quick", "--docs", str(tmp_path)]
    done = subprocess.run(
        [*command, "--only", "multiframe"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "multi-frame source" in (tmp_path / "benchmarks.md").read_text()
    picture = (tmp_path / "images" / "bench_multiframe.svg").read_text()
    assert re.search(r"<text[^>]*>.*single-frame series", picture)
    results = Results.read(tmp_path / "results" / "multiframe.json")
    assert len(results.rows) == 3
