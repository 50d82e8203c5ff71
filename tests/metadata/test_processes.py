"""What depends on the process: imports, and the order of sets."""

from __future__ import annotations

import os
import subprocess
import sys

MODULES = (
    *("dataset.json_model", "dataset.transcode"),
    *("metadata.merge", "metadata.meta", "metadata.edits"),
)
MERGE = """
import hashlib, json
from struct import pack
from dicube_core.dataset.elements import EXPLICIT_LITTLE
from dicube_core.metadata.meta import DicomMeta
from dicube_core.metadata.merge import merge_headers

def element(tag, vr, value):
    return pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value

headers = [
    element(0x00080060, b"CS", b"CT") + element(0x00200013, b"IS", b"%d " % n)
    + b"".join(element(0x00091000 + k, b"LO", b"ab") for k in range(n, n + 9))
    for n in range(5)
]
meta = DicomMeta(merge_headers([(data, EXPLICIT_LITTLE) for data in headers]))
print(hashlib.sha256(meta.to_json().encode()).hexdigest())
"""


def run(code: str, seed: str = "0") -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return result.stdout


def test_modules_are_light():
    imports = "; ".join(f"import dicube_core.{name}" for name in MODULES)
    heavy = "{'numpy', 'pydicom', 'imagecodecs', 'dicube'} & set(sys.modules)"
    assert run(f"import sys; {imports}; print({heavy})") == "set()\n"


def test_plain_headers_need_no_dictionary():
    assert run(MERGE + "\nimport sys; print('pydicom' in sys.modules)").endswith("False\n")


def test_same_bytes_for_any_hash_seed():
    assert len({run(MERGE, seed) for seed in ("0", "1", "77")}) == 1
