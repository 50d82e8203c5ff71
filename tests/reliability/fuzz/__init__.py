"""Coverage-guided fuzzing of all parsers; ``fuzz_parsers.py`` is the command."""
