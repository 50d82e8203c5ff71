"""Results of the benchmarks: kept in ``docs/results``, shown in ``docs/benchmarks.md``."""
