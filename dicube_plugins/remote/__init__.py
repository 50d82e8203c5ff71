"""Files in stores: ``https://`` by urllib3, ``s3://``, ``gs://`` and all others by fsspec."""

from __future__ import annotations

from dicube_plugins.remote._choice import remote_source
from dicube_plugins.remote._options import RemoteOptions

__all__ = ["RemoteOptions", "remote_source"]
