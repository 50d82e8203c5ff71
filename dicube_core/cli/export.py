"""``dcbs export``."""

from __future__ import annotations

from pathlib import Path

import click

from dicube_core.cli.console import put
from dicube_core.cli.file_or_url import FILE_OR_URL
from dicube_core.cli.places import require_free
from dicube_core.cli.progress import progress_bar
from dicube_core.urls import shown

__all__ = ["export"]


@click.command()
@click.argument("file", type=FILE_OR_URL)
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--nifti", is_flag=True, help="Write one NIfTI file, .nii or .nii.gz, instead.")
@click.option("--force", is_flag=True, help="Replace the NIfTI file if it exists.")
def export(file: Path | str, target: Path, *, nifti: bool, force: bool) -> None:
    """Write the slices of FILE as DICOM files into TARGET, a new or an empty folder.

    Slices whose source was uncompressed come back byte for byte, under their own names.
    """
    if nifti:
        _export_nifti(file, target, force=force)
        return
    from dicube_core.export import export_file
    from dicube_core.reader import Reader

    with Reader(file) as reader, progress_bar("exporting") as progress:
        files = export_file(reader, target, progress)
    put(f"{target}: {len(files)} DICOM files")


def _export_nifti(file: Path | str, target: Path, *, force: bool) -> None:
    import dicube_core

    require_free(target, force=force, source=file)
    from dicube_core.error_places import errors_name

    image = dicube_core.load(file)
    with errors_name(str(shown(file))):
        dicube_core.save_to_nifti(image, target)
    put(f"{target}: NIfTI of {image.shape} voxels (frames, rows, columns)")
