"""The parts of ``bench_preview.py``."""
