"""Parts of the benchmark of many series; see ``bench_scale.py``."""
