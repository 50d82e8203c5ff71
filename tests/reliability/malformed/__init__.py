"""Malformed files by rule, and every way of reading them."""
