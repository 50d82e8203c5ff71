"""Mixed load on many threads and processes, every result compared; see ``soak_readers.py``."""
