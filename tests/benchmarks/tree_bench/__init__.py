"""Parts of the benchmark of trees; see ``bench_trees.py``."""
