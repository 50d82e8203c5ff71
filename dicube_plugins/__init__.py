"""Adapters that make imaging frameworks read .dcbs files."""
