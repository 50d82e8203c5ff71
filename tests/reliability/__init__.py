"""Hostile files, crashes and load: what must never happen, tried by rule."""
