"""torch's DataLoader over a reader: every start method, several epochs, every sample compared."""

from __future__ import annotations

import json
import sys

import pytest
from environments import run_python
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core

pytest.importorskip("torch")

SCRIPT = '''
import hashlib, json, os, signal, sys, time
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
import dicube_core
from dicube_core.streaming import DcbStreamingReader

class Frames(Dataset):
    def __init__(self, path):
        self.reader = dicube_core.open(path)
    def __len__(self):
        return len(self.reader)
    def __getitem__(self, index):
        return index, torch.from_numpy(self.reader.frame(index).astype(np.int32))

class Slices(Dataset):
    """Digests of uncompressed slices, of a stream opened before the workers start."""
    def __init__(self, path):
        self.path, self.stream = path, DcbStreamingReader(path)
    def __len__(self):
        return len(self.stream)
    def __getitem__(self, index):
        data = self.stream.get_dicom_for_frame(index, True)
        digest = bytearray(hashlib.sha256(data).digest())  # slices differ in length
        return index, torch.frombuffer(digest, dtype=torch.uint8)
    def __getstate__(self):
        return {"path": self.path}
    def __setstate__(self, state):
        self.__init__(state["path"])

def main():
    path, method = sys.argv[1:]
    found = {}
    for kind in (Frames, Slices):
        dataset = kind(path)
        expected = [value for _, value in (dataset[i] for i in range(len(dataset)))]
        loader = DataLoader(
            dataset, batch_size=4, shuffle=True, num_workers=2, persistent_workers=True,
            multiprocessing_context=method,
        )
        compared = 0
        for epoch in range(3):
            seen = []
            for numbers, values in loader:
                for number, value in zip(numbers.tolist(), values):
                    assert torch.equal(value, expected[number]), (kind, epoch, number)
                    seen.append(number)
            assert sorted(seen) == list(range(len(dataset)))
            compared += len(seen)
        workers = loader._iterator._workers
        if kind is Frames:  # a worker dies: told by torch, and the data set is as good as before
            os.kill(workers[0].pid, signal.SIGKILL)
            try:
                for _ in range(2):
                    for _ in loader:
                        pass
                raise SystemExit("nobody noticed")
            except RuntimeError as error:
                assert "worker" in str(error), error
        del loader
        again = DataLoader(dataset, batch_size=3, num_workers=2, multiprocessing_context=method)
        for numbers, values in again:
            for number, value in zip(numbers.tolist(), values):
                assert torch.equal(value, expected[number])
                compared += 1
        found[kind.__name__] = compared
    print(json.dumps(found))

if __name__ == "__main__":
    main()
'''


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torch")
    source = write_files(folder / "source", make_series(18, Kind("ct", rows=40, columns=30)))
    dicube_core.convert(source, folder / "x.dcbs")
    return folder / "x.dcbs"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_every_sample_over_epochs(method, path, site, tmp_path):
    script = tmp_path / "loaders.py"
    script.write_text(SCRIPT)
    found = json.loads(run_python(sys.executable, site, script, path, method, cwd=tmp_path))
    assert found == {"Frames": 18 * 4, "Slices": 18 * 4}
