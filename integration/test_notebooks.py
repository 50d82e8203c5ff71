"""What IPython and an executed notebook make of readers and images."""

from __future__ import annotations

import base64

import pytest
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core

pytest.importorskip("IPython")
pytest.importorskip("PIL")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    files = make_series(4, Kind("ct", rows=64, columns=64))
    dicube_core.convert(write_files(folder / "source", files), folder / "x.dcbs")
    return folder / "x.dcbs"


@pytest.mark.parametrize("kind", ["reader", "image", "closed"])
def test_the_display_formatter_of_ipython(path, kind, monkeypatch):
    from IPython.core.formatters import DisplayFormatter

    from dicube_core import preview

    made = []
    montage = preview.page.montage
    monkeypatch.setattr(preview.page, "montage", lambda *a, **k: made.append(1) or montage(*a, **k))
    with dicube_core.open(path) as reader:
        shown = dicube_core.load(path) if kind == "image" else reader
        if kind == "closed":
            reader.close()
        data, _ = DisplayFormatter().format(shown)
    expected = {"text/plain", "text/html", "image/png"}
    assert set(data) == (expected if kind != "closed" else expected - {"image/png"})
    # One montage, not one for each form; where there is none, IPython asks for a PNG once more.
    assert len(made) == (2 if kind == "closed" else 1)
    if kind != "closed":
        assert data["image/png"].startswith(b"\x89PNG")
    else:
        assert "closed" in data["text/html"]


def test_a_figure_is_shown_without_pyplot(path):
    pytest.importorskip("matplotlib")
    from IPython.core.formatters import DisplayFormatter

    with dicube_core.open(path) as reader:
        data, _ = DisplayFormatter().format(reader.plot())
    assert data["image/png"].startswith(b"\x89PNG")


def test_an_executed_notebook(path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    sources = [
        f"import dicube_core\nreader = dicube_core.open({str(path)!r})\nreader",
        "dicube_core.load(reader.name)",
        "reader.plot(['axial', 'coronal'])",
        "reader.close()\nreader",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [cell.outputs[0].data for cell in notebook.cells]
    for data in outputs[:2]:
        assert "montage of slices" in data["text/html"]
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
        assert "Doe" not in str(dict(data))
    assert base64.b64decode(outputs[2]["image/png"]).startswith(b"\x89PNG")
    assert "closed" in outputs[3]["text/html"]
