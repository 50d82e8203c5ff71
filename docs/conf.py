"""Settings of the documentation site: ``python -m sphinx -W -b html docs docs/_build/html``."""

from __future__ import annotations

from importlib.util import find_spec

from dicube_core import __version__

project = "dicube-plugins"
author = "the dicube-plugins authors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]

# Pages are plain Markdown whose links work in the repository, too.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"dicube-plugins {version}"
html_static_path: list[str] = []
html_copy_source = False

# Docstrings are numpydoc's; single backticks name something of this package, where there is one.
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_param = False  # types are phrases, and no names to be linked
napoleon_custom_sections = [("Thread safety", "notes_style")]
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types, and shapes and units with them
autodoc_class_signature = "mixed"
autosummary_generate = False
#: Frameworks that are not here are stood in for: their users' docstrings need none of them.
_FRAMEWORKS = (
    *("nibabel", "SimpleITK", "itk", "imageio", "monai", "torch", "torchio", "xarray", "zarr"),
    *("numcodecs", "fsspec", "urllib3", "dask", "distributed", "napari", "npe2", "matplotlib"),
    *("IPython", "nvidia", "cupy", "virtualizarr", "obspec_utils", "s3fs"),
)
autodoc_mock_imports = [name for name in _FRAMEWORKS if find_spec(name) is None]
