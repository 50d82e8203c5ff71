"""The integrations, in the order of the tables."""

from __future__ import annotations

from dicube_plugins.integrations.base import Integration, Switch

__all__ = ["INTEGRATIONS"]


def _installed(
    title: str,
    distribution: str,
    imports: str,
    example: str,
    *,
    name: str = "",
    affine: bool = True,
) -> Integration:
    """Return the integration of an adapter; page, extra and probe bear its name."""
    plain = title.lower()
    return Integration(
        name=title,
        distributions=(distribution,),
        switch=Switch.INSTALLED,
        how=f'dicube_plugins.install("{name or title}")',
        extra=plain,
        page=f"{plain}.md",
        imports=imports,
        example=example,
        probe=f"probe_{plain}.py",
        affine=affine,
    )


INTEGRATIONS = (
    _installed("pydicom", "pydicom", "import pydicom", 'pydicom.dcmread("study.dcbs")'),
    _installed("nibabel", "nibabel", "import nibabel as nib", 'nib.load("study.dcbs")'),
    _installed(
        "SimpleITK", "SimpleITK", "import SimpleITK as sitk", 'sitk.ReadImage("study.dcbs")'
    ),
    _installed("itk", "itk-core", "import itk", 'itk.imread("study.dcbs")'),
    _installed(
        "imageio", "imageio", "import imageio.v3 as iio", 'iio.imread("study.dcbs")', affine=False
    ),
    _installed(
        "MONAI",
        "monai",
        "from monai.transforms import LoadImage",
        'LoadImage()("study.dcbs")',
        name="monai",
    ),
    _installed(
        "TorchIO",
        "torchio",
        "import torchio as tio",
        'tio.ScalarImage("study.dcbs")',
        name="torchio",
    ),
    Integration(
        name="PyTorch",
        distributions=("torch",),
        switch=Switch.IMPORTED,
        how="dicube_plugins.torch.PatchDataset, FrameDataset",
        extra="torch",
        page="torch.md",
        imports="from dicube_plugins.torch import PatchDataset",
        example='PatchDataset(["study.dcbs"], patch_size=(32, 32, 8))[0]',
        probe="probe_torch.py",
    ),
    Integration(
        name="xarray",
        distributions=("xarray",),
        switch=Switch.DECLARED,
        how="entry point xarray.backends",
        extra="xarray",
        page="arrays.md",
        imports="import xarray as xr",
        example='xr.open_dataset("study.dcbs")',
        probe="probe_xarray.py",
    ),
    Integration(
        name="dask",
        distributions=("dask", "distributed"),
        switch=Switch.IMPORTED,
        how="dicube_plugins.dask.map_series",
        extra="dask",
        page="scaling.md",
        imports="from dicube_plugins.dask import map_series",
        example='map_series(lambda reader: reader.shape, ["study.dcbs"])',
        probe="probe_dask.py",
        values="stored",
    ),
    Integration(
        name="napari",
        distributions=("npe2",),
        switch=Switch.DECLARED,
        how="entry point napari.manifest",
        extra="napari",
        page="napari.md",
        imports=(
            "import npe2\n"
            "from napari.components import ViewerModel\n\n"
            "npe2.PluginManager.instance().discover()"
        ),
        example='ViewerModel().open("study.dcbs", plugin="dicube-plugins")',
        typed="napari study.dcbs",
        probe="probe_napari.py",
    ),
    Integration(
        name="https",
        distributions=("urllib3",),
        switch=Switch.IMPORTED,
        how="dicube_core.open",
        extra="remote",
        page="remote.md",
        imports="import dicube_core",
        example='dicube_core.open("https://.../study.dcbs")',
        probe="probe_https.py",
    ),
    Integration(
        name="S3",
        distributions=("s3fs",),
        switch=Switch.IMPORTED,
        how="dicube_core.open",
        extra="s3",
        page="remote.md",
        imports="import dicube_core",
        example='dicube_core.open("s3://.../study.dcbs")',
        probe="probe_s3.py",
    ),
    Integration(
        name="other stores",
        distributions=("fsspec",),
        switch=Switch.IMPORTED,
        how="dicube_core.open",
        extra="remote",
        page="remote.md",
        imports="import dicube_core",
        example='dicube_core.open("gs://.../study.dcbs")',
        probe="probe_fsspec_url.py",
    ),
    Integration(
        name="fsspec",
        distributions=("fsspec",),
        switch=Switch.DECLARED,
        how="entry point fsspec.specs",
        extra="fsspec",
        page="arrays.md",
        imports="import fsspec",
        example='fsspec.open("dcbs://000003.dcm::file://study.dcbs")',
        probe="probe_fsspec.py",
    ),
    Integration(
        name="numcodecs",
        distributions=("numcodecs", "zarr", "fsspec"),
        switch=Switch.DECLARED,
        how="entry point numcodecs.codecs",
        extra="zarr",
        page="arrays.md",
        imports="import dicube_core",
        example='dicube_core.references("study.dcbs")',
        probe="probe_numcodecs.py",
        values="stored",
        affine=False,
    ),
    Integration(
        name="Zarr 3",
        distributions=("zarr", "virtualizarr"),
        switch=Switch.DECLARED,
        how="entry point zarr.codecs",
        extra="zarr",
        page="arrays.md",
        imports=(
            "from virtualizarr import open_virtual_dataset\n"
            "from dicube_plugins.zarr import DcbsParser"
        ),
        example='open_virtual_dataset("file:///.../study.dcbs", registry, parser=DcbsParser())',
        probe="probe_zarr.py",
        values="stored",
        affine=False,
    ),
    Integration(
        name="pydicom command",
        distributions=("pydicom",),
        switch=Switch.DECLARED,
        how="entry point pydicom_subcommands",
        extra="cli",
        page="pydicom.md",
        imports="from pydicom.cli.main import main",
        example='main(["dcbs", "study.dcbs"])',
        typed="pydicom dcbs study.dcbs",
        probe="probe_pydicom_command.py",
        values="none",
    ),
    Integration(
        name="nvImageCodec",
        distributions=("nvidia-nvimgcodec-cu12",),
        switch=Switch.IMPORTED,
        how="dicube_plugins.gpu.decode_frames",
        extra="gpu",
        page="gpu.md",
        imports="import dicube_core\nfrom dicube_plugins.gpu import decode_frames",
        example='decode_frames(dicube_core.open(".../study.dcbs")).torch()',
        probe="probe_gpu.py",
        values="stored",
        affine=False,
    ),
)
