"""Holds conversions in the middle of a file, for tests that kill or interrupt them there.

Python imports it at its start where this folder is in ``PYTHONPATH``, so worker processes have it,
too. See `holding`.
"""

import os
import time
from pathlib import Path

from dicube_core.trees import converting

_convert = converting.convert


def _is_held(out):
    """Whether a file is not to be finished now."""
    try:
        count, folder = Path(os.environ["DICUBE_TEST_HOLD"]).read_text("utf-8").splitlines()
    except (FileNotFoundError, ValueError):
        return False
    return Path(out).parent == Path(folder) and len(list(Path(folder).glob("*.dcbs"))) >= int(count)


def _held(source, out, *, progress, **options):
    def wait(done, total):
        progress(done, total)
        while done < total and _is_held(out):
            time.sleep(0.02)
            progress(done, total)  # raises where nobody wants the result any more

    return _convert(source, out, progress=wait, **options)


converting.convert = _held
