"""Parts of the streaming benchmark; see ``bench_streaming.py``."""
