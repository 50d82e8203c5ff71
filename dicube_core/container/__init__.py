"""The bytes of a ``.dcbs`` file: layout, sections, extension block, reader and writer."""

from __future__ import annotations
