"""Runs what the pages in ``docs/`` show."""
