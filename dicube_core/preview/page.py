"""What notebooks show: a table of facts with a montage beside it.

Nothing here raises for what is wrong with a file: a notebook shows what can be shown, and says
what cannot.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DicomCubeError, MissingDependencyError
from dicube_core.preview.facts import facts_of, findings_of, without_folder
from dicube_core.preview.montage import montage
from dicube_core.preview.pictures import png_bytes
from dicube_core.preview.view import SeriesView

if TYPE_CHECKING:
    from dicube_core.image import DicomCubeImage
    from dicube_core.reader import Reader

__all__ = ["html_page", "mime_bundle", "picture_bytes"]

#: Few and small: all of it is stored in the notebook.
_TILES, _TILE_WIDTH = 20, 96
_CELL = "text-align:left;vertical-align:top;padding:1px 8px 1px 0"


def html_page(
    series: Reader | DicomCubeImage,
    *,
    identity: bool = False,
    window: tuple[float, float] | None = None,
) -> str:
    """Return a table and a montage as HTML, in one piece.

    Parameters
    ----------
    series : Reader or DicomCubeImage
        An open file, or an image.
    identity : bool
        Show the patient's name and ID and the date of the study, too. Notebooks are passed on, so
        they are left out by default. What is burned into the pixels is shown all the same.
    window : (center, width), optional
        In modality values.

    Returns
    -------
    str
        All that comes out of the file is escaped. Damage is told in place of what it prevents.
    """
    picture, problem = _picture(series, window)
    return _html(series, picture, problem, identity=identity)


def picture_bytes(
    series: Reader | DicomCubeImage, *, window: tuple[float, float] | None = None
) -> bytes | None:
    """Return the montage as PNG, None where it cannot be made."""
    return _picture(series, window)[0]


def mime_bundle(series: Reader | DicomCubeImage) -> dict[str, Any]:
    """Return text, HTML and PNG, for IPython. The montage is made once."""
    picture, problem = _picture(series, None)
    bundle: dict[str, Any] = {
        "text/plain": without_folder(SeriesView(series), repr(series)),
        "text/html": _html(series, picture, problem, identity=False),
    }
    if picture is not None:
        bundle["image/png"] = picture
    return bundle


def _picture(
    series: Reader | DicomCubeImage, window: tuple[float, float] | None
) -> tuple[bytes | None, str]:
    """Return the montage, or why there is none."""
    try:
        made = montage(series, max_tiles=_TILES, tile_width=_TILE_WIDTH, window=window)
        return png_bytes(made), ""
    except MissingDependencyError as exc:
        return None, f"{exc.message}: {exc.suggestion}"
    except Exception as exc:  # noqa: BLE001 - a notebook shows an object whatever is wrong with it
        return None, _words(series, exc)


def _words(series: Reader | DicomCubeImage, error: Exception) -> str:
    said = error.message if isinstance(error, DicomCubeError) else str(error)
    return f"{type(error).__name__}: {without_folder(SeriesView(series), said)}"


def _html(
    series: Reader | DicomCubeImage, picture: bytes | None, problem: str, *, identity: bool
) -> str:
    view = SeriesView(series)
    try:
        facts = list(facts_of(view, identity=identity))
        findings = findings_of(view)
    except Exception as exc:  # noqa: BLE001 - as above
        facts, findings = [("error", _words(series, exc))], []
    rows = "".join(
        f'<tr><th style="{_CELL}">{escape(name)}</th><td style="{_CELL}">{escape(words)}</td></tr>'
        for name, words in facts
    )
    said = "".join(f"<li>{escape(one)}</li>" for one in findings)
    found = f"<div><b>findings</b> (slices are counted from 0)<ul>{said}</ul></div>" if said else ""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start">'
        f"{_image(picture, problem)}"
        f"<div><b>{escape(type(series).__name__)}</b>"
        f'<table style="border-collapse:collapse">{rows}</table>{found}</div></div>'
    )


def _image(picture: bytes | None, problem: str) -> str:
    if picture is None:
        return f"<div><b>no picture</b><br>{escape(problem)}</div>"
    data = b64encode(picture).decode("ascii")
    return f'<img alt="montage of slices" src="data:image/png;base64,{data}">'
