"""First use of the encoder, threads and fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from codec_samples import ct_like

from dicube_core.codec import OpenJPHCodec
from dicube_core.pixels import PixelFormat


def run_python(code, *arguments):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(Path(__file__).parent), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout)


# The race shows in one of some hundred processes, so it is not waited for: the encoder is slowed
# down and watched. No call may begin before the first one of each kind of table has ended.
_WATCH = """
    import json, sys, threading, time
    sys.path.insert(0, sys.argv[1])
    import imagecodecs
    from codec_samples import ct_like
    from dicube_core.codec import OpenJPHCodec, openjph
    from dicube_core.pixels import PixelFormat

    if sys.argv[2] == "without":
        openjph._FirstEncode.ensure = lambda self, imagecodecs: None

    calls, native = [], imagecodecs.htj2k_encode

    def watched(values, **options):
        call = {"wide": values.dtype.itemsize == 4, "start": time.monotonic()}
        calls.append(call)
        if sys.argv[2] == "without":  # some other call does come
            while len({c["start"] for c in calls if c["wide"] == call["wide"]}) < 2:
                time.sleep(0.01)
        time.sleep(0.05)
        try:
            return native(values, **options)
        finally:
            call["end"] = time.monotonic()

    imagecodecs.htj2k_encode = watched
    barrier = threading.Barrier(8)

    def work(number):
        dtype = "int16" if number % 2 else "int32"
        frame = ct_like(dtype, (40, 50), seed=number)
        pixel_format = PixelFormat.from_dtype(dtype, 40, 50)
        barrier.wait()
        OpenJPHCodec().encode(frame, pixel_format)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    overlaps = 0
    for wide in (False, True):
        first = min((call for call in calls if call["wide"] == wide), key=lambda c: c["start"])
        overlaps += sum(
            call is not first and call["start"] < first["end"] and call["end"] > first["start"]
            for call in calls
        )
    print(json.dumps({"calls": len(calls), "overlaps": overlaps}))
"""


def test_no_encode_overlaps_the_first_of_its_kind():
    watched = run_python(_WATCH, "with")
    assert watched == {"calls": 8 + 3, "overlaps": 0}


def test_the_watch_would_have_noticed():
    watched = run_python(_WATCH, "without")
    assert watched["calls"] == 8
    assert watched["overlaps"] > 0


_PARALLEL = """
    import json, sys, threading
    sys.path.insert(0, sys.argv[1])
    from concurrent.futures import ThreadPoolExecutor
    import numpy as np
    from codec_samples import ct_like
    from dicube_core.codec import OpenJPHCodec
    from dicube_core.pixels import PixelFormat

    pixel_format = PixelFormat(120, 130, 16, 12, 0)
    frames = [ct_like("uint16", (120, 130), seed=number) for number in range(8)]
    codec, barrier = OpenJPHCodec(), threading.Barrier(8)

    def work(frame):
        barrier.wait()
        return codec.encode(frame, pixel_format)

    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(work, frames))
        decoded = list(pool.map(lambda data: codec.decode(data, pixel_format), parallel))
    serial = [codec.encode(frame, pixel_format) for frame in frames]
    print(json.dumps([parallel == serial, all(map(np.array_equal, decoded, frames))]))
"""


@pytest.mark.parametrize("attempt", range(4))
def test_parallel_encode_in_a_fresh_process(attempt):
    assert run_python(_PARALLEL) == [True, True]


def test_many_threads_one_codec():
    pixel_format = PixelFormat(64, 72, 16, 12, 0)
    frames = [ct_like("uint16", (64, 72), seed=number) for number in range(60)]
    codec = OpenJPHCodec()
    with ThreadPoolExecutor(12) as pool:
        codestreams = list(pool.map(lambda frame: codec.encode(frame, pixel_format), frames))
        decoded = list(pool.map(lambda data: codec.decode(data, pixel_format), codestreams))
    assert all(map(np.array_equal, decoded, frames))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_child_of_fork_starts_anew():
    code = """
        import json, os, sys
        sys.path.insert(0, sys.argv[1])
        import numpy as np
        from codec_samples import ct_like
        from dicube_core.codec import OpenJPHCodec, openjph
        from dicube_core.pixels import PixelFormat

        frame, pixel_format = ct_like("int16"), PixelFormat.from_dtype("int16", 150, 200)
        codec = OpenJPHCodec()
        expected = codec.encode(frame, pixel_format)
        first = openjph._first_encode
        # As if another thread were inside at the moment of the fork.
        first._lock.acquire()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            fresh = not first._done
            same = codec.encode(frame, pixel_format) == expected
            os.write(writing, json.dumps([fresh, same, first._done]).encode())
            os._exit(0)
        os.close(writing)
        print(os.read(reading, 100).decode())
        os.waitpid(child, 0)
    """
    assert run_python(code) == [True, True, True]
