"""Consumers made of a small script each: right, wrong, broken, slow."""

from __future__ import annotations

import hashlib
import json
import sys

from dicube_plugins.capability import PROBED
from dicube_plugins.consumers.base import PROGRAM, PYTHON, Consumer
from dicube_plugins.probe_slices import probe_slices

START = """
import hashlib, json, os, signal, subprocess, sys, time
from pathlib import Path
truth = json.loads(Path(__file__).with_name("truth.json").read_text())
answer, *paths = sys.argv[1:]
with open(Path(__file__).with_name("calls"), "a") as log:
    print(os.getpid(), os.getcwd(), file=log)
def right(path):
    return truth[hashlib.sha256(Path(path).read_bytes()).hexdigest()]
def compressed(path):
    return b"1.2.840.10008.1.2.4.20" in Path(path).read_bytes()[:600]
def say(slices, **more):
    Path(answer).write_text(json.dumps({"slices": slices, **more}))
"""

BODIES = {
    "right": "say([{'values': right(p)} for p in paths], versions={'fake': '1.2'})",
    "floats": "say([{'values': [float(v) for v in right(p)]} for p in paths])",
    "zeros": "say([{'values': [0] * 256 if compressed(p) else right(p)} for p in paths])",
    "one_off": """
def read(p):
    values = right(p)
    values[200] += compressed(p)
    return {'values': values}
say([read(p) for p in paths])""",
    "too_few": "say([{'values': right(p)[:255 if compressed(p) else 256]} for p in paths])",
    "texts": "say([{'values': [str(v) if compressed(p) else v for v in right(p)]} for p in paths])",
    "transposed": """
def read(p):
    values = right(p)
    turned = [values[16 * x + y] for y in range(16) for x in range(16)]
    return {'values': turned if compressed(p) else values}
say([read(p) for p in paths])""",
    "raw_only": """
say([{'error': 'no codec'} if compressed(p) else {'values': right(p)} for p in paths])""",
    "one_fails": """
say([{'error': 'odd one'} if compressed(p) and n == 3 else {'values': right(p)}
     for n, p in enumerate(paths)])""",
    "blind": "say([{'values': [0] * 256} for p in paths])",
    "crash": """
if compressed(paths[0]):
    print('about to crash', file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)
say([{'values': right(p)} for p in paths])""",
    "crash_after_answer": """
say([{'values': right(p)} for p in paths])
if compressed(paths[0]):
    os.kill(os.getpid(), signal.SIGSEGV)""",
    "hang": """
if b"1.2.840.10008.1.2.4.201" in Path(paths[0]).read_bytes()[:600]:
    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
    Path(__file__).with_name('child').write_text(str(child.pid))
    time.sleep(600)
say([{'values': right(p)} for p in paths])""",
    "garbage": """
print('noise ' * 100000)
Path(answer).write_bytes(b'\\xff\\x00 not json' if compressed(paths[0]) else b'')
if not compressed(paths[0]):
    say([{'values': right(p)} for p in paths])""",
    "list_answer": """
say([{'values': right(p)} for p in paths])
if compressed(paths[0]):
    Path(answer).write_text('[1, 2]')""",
    "odd_entries": """
say([7 if compressed(p) else {'values': right(p)} for p in paths])""",
    "endless": """
if compressed(paths[0]):
    Path(answer).write_text('[' + '0,' * (1 << 20) + '0]')
else:
    say([{'values': right(p)} for p in paths])""",
    "silent": "if not compressed(paths[0]): say([{'values': right(p)} for p in paths])",
    "missing": "Path(answer).write_text(json.dumps({'missing': 'No module named fake'}))",
}


def truth():
    """Return what is in the probe slices: hash of the file to values."""
    slices = (item for syntax in PROBED for item in probe_slices(syntax))
    return {hashlib.sha256(item.data).hexdigest(): list(item.values) for item in slices}


def fake_consumer(folder, kind, name="fake", **more):
    """Write a consumer's script and return the consumer."""
    folder.mkdir(exist_ok=True)
    (folder / "truth.json").write_text(json.dumps(truth()))
    script = folder / "consumer.py"
    script.write_text(START + BODIES[kind])
    return Consumer(name, f"a fake that is {kind}", (PYTHON, "-I", str(script)), **more)


def fake_program(folder, kind, name="fake-tool", version="1.0"):
    """Write a consumer that is a program, and return it; the program lies in `folder`."""
    consumer = fake_consumer(folder, kind, name)
    program = folder / name
    lines = ["#!/bin/sh", f'if [ "$1" = --version ]; then echo "{name} v{version}"; exit 3; fi']
    lines.append(f'exec "{sys.executable}" -I "{folder / "consumer.py"}" "$@"')
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)
    return Consumer(
        name, consumer.description, (PROGRAM,), program=name, version_args=("--version",)
    )


def n_calls(folder):
    """Return how often the consumer was started."""
    log = folder / "calls"
    return len(log.read_text().splitlines()) if log.exists() else 0
