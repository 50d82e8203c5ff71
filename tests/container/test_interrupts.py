"""An interrupt at any line leaves the old file and no litter."""

from __future__ import annotations

import sys

import pytest

from dicube_core.atomic import AtomicFile


def _interrupt_at(step, work):
    """Raise KeyboardInterrupt at the given line event inside `AtomicFile`; False past the end."""
    code = AtomicFile.__init__.__code__.co_filename
    seen = 0

    def tracer(frame, event, _):
        nonlocal seen
        if frame.f_code.co_filename != code or frame.f_code.co_name in ("_remove", "discard"):
            return None
        if event == "line":
            seen += 1
            if seen == step:
                raise KeyboardInterrupt
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


# An interrupt between opening and the with statement leaves closing to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("old", [None, b"old"])
def test_every_line_may_be_interrupted(tmp_path, old):
    target = tmp_path / "a.dcbs"

    def work():
        with AtomicFile(target) as atomic:
            atomic.file.write(b"new")
            atomic.commit()

    step = 1
    while True:
        target.unlink(missing_ok=True)
        if old is not None:
            target.write_bytes(old)
        interrupted = _interrupt_at(step, work)
        left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert set(left) <= {"a.dcbs"}, f"step {step}"
        assert left.get("a.dcbs") in (old, b"new"), f"step {step}"
        if not interrupted:
            break
        step += 1
    assert step > 20
    assert target.read_bytes() == b"new"
