"""What ``docs/series.md`` shows runs, and prints what it says."""

import re
from pathlib import Path

from docs_pages.page import Page
from docs_pages.running import run_page

from dicube_core.spatial.axes import AXES
from dicube_core.spatial.finding_kinds import FindingKind

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "series.md"


def test_examples_print_what_they_say(tmp_path):
    printed = run_page(Page.read("series.md"), tmp_path)
    promised = re.findall(r"print\(found.*?\)  # (.*)", DOCUMENT.read_text())
    assert len(promised) == 2
    for line in promised:
        assert line in printed


def test_every_axis_and_finding_that_is_named_exists():
    document = DOCUMENT.read_text()
    for spec in AXES:
        assert f"`{spec.name}`" in document
    kinds = {kind.value for kind in FindingKind}
    table = document.split("## What else is found")[1].split("###")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 8
    assert named <= kinds
