"""The parts of ``bench_training.py``: series in many forms, patches, epochs, storage."""
