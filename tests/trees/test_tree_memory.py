"""Planning keeps little of each file, whatever its header holds."""

from __future__ import annotations

import tracemalloc

from support.raw import Node
from tree_support import both, facts, series_files, tree_of

from dicube_core.trees.finding import Found
from dicube_core.trees.grouping import group_instances
from dicube_core.trees.lanes import Lanes

N_FILES = 600


def big_header(_, nodes):
    nodes[0x00091010] = Node(0x00091010, "OB", bytes(20_000))


def test_a_kilobyte_per_file_at_most(tmp_path):
    tree = tree_of(
        tmp_path / "in", series_files("ct", "1", both(facts(), big_header), count=N_FILES)
    )
    with Lanes(1) as lanes:
        first = Found()  # what is imported and cached on first use is not charged to the files
        first.sort_files(tree / "ct", tmp_path / "out", "IM0000.dcm")
        first.read(lanes, tree / "ct", None)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        found = Found()
        found.sort_files(tree, tmp_path / "out", None)
        found.read(lanes, tree, None)
        parts = group_instances(found.instances, split=True)
        held = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert sum(len(part.instances) for part in parts) == N_FILES
    assert held / N_FILES < 1000
    assert len({id(one.facts) for one in found.instances}) == 1
