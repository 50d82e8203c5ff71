"""The parts of ``bench_adapters.py``: one module for each framework."""
