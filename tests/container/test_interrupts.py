"""An interrupt at any line leaves the old file and no litter."""

from __future__ import annotations

import pytest
from support.interrupts import interrupted

from dicube_core import atomic as atomic_module
from dicube_core.atomic import AtomicFile


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
        cut = interrupted(atomic_module.__file__, step, work, apart=("_remove", "discard"))
        left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert set(left) <= {"a.dcbs"}, f"step {step}"
        assert left.get("a.dcbs") in (old, b"new"), f"step {step}"
        if not cut:
            break
        step += 1
    assert step > 20
    assert target.read_bytes() == b"new"
