"""Lossless .dcbs series containers."""
