"""Pictures that a person can judge a series by: montages, three planes, notebooks, figures."""

from __future__ import annotations

from dicube_core.preview.montage import montage, write_preview
from dicube_core.preview.page import html_page, mime_bundle, picture_bytes
from dicube_core.preview.three_planes import planes_picture

__all__ = [
    "html_page",
    "mime_bundle",
    "montage",
    "picture_bytes",
    "planes_picture",
    "write_preview",
]
