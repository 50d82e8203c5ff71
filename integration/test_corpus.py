"""All files of pydicom and pydicom-data are whole or refused by name; the table says so."""

import os
import signal
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("data_store", reason="pydicom-data is not installed")
pytest.importorskip("libjpeg", reason="pylibjpeg-libjpeg is not installed")
pytest.importorskip("jpeg_ls", reason="pyjpegls is not installed")

import corpus

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "corpus.md"


@pytest.fixture(scope="module")
def examined():
    return corpus.examine(jobs=2, seeds=2)


def test_whole_or_refused_by_name_with_the_same_bytes_each_time(examined):
    assert examined.faults == []
    assert len(examined.rows) > 250
    assert sum(row.outcome == "whole" for row in examined.rows) > 150


def test_the_document_is_what_the_command_prints(examined):
    if version("pydicom") != corpus.documented_version(DOCUMENT.read_text(encoding="utf-8")):
        pytest.skip("the document was made with another pydicom, which has other files")
    assert corpus.table(examined) == DOCUMENT.read_text(encoding="utf-8")


def test_faults_are_seen(tmp_path, monkeypatch):
    """A worker that dies, takes too long or says something unclear is told from a refusal."""
    (tmp_path / "x.dcm").write_bytes(b"")
    worker = corpus.Worker(0)
    task = {"paths": [str(tmp_path / "x.dcm")], "folder": str(tmp_path), "prove": True}
    assert worker.ask(task)["outcome"] == "refused"
    worker._process.kill()
    worker._process.wait()
    assert worker.ask(task)["outcome"] == "FAULT"
    os.kill(worker._start().pid, signal.SIGSTOP)  # else it may be quicker than this process
    monkeypatch.setattr(corpus, "TIME_LIMIT", 0.0)
    assert "seconds" in worker.ask(task)["detail"]
    monkeypatch.undo()
    assert worker.ask(task)["outcome"] == "refused"
    worker.close()
    outcome, detail = corpus._refusal(ValueError("x.dcm"), tmp_path / "x.dcm")
    assert (outcome, detail) == ("FAULT", "ValueError: x.dcm")
    error = corpus_error("'NoneType' object of x.dcm")
    assert corpus._refusal(error, tmp_path / "x.dcm")[0] == "FAULT"
    error = corpus_error("something")
    assert "does not name the file" in corpus._refusal(error, tmp_path / "x.dcm")[1]


def test_an_image_that_pydicom_reads_is_refused_by_its_kind_only(tmp_path):
    path = next(
        path for name, path in corpus.corpus_files().items() if name.endswith("/CT_small.dcm")
    )
    said = corpus._refusal(corpus_error("CT_small.dcm: damaged"), path)
    assert said == ("FAULT", "pydicom reads an image from it: CT_small.dcm: damaged")


def corpus_error(text):
    from dicube_core.exceptions import MetaDataError

    return MetaDataError(text)
