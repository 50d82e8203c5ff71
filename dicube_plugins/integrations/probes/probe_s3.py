"""`dicube_core.open` of an object of S3, of a server on this machine that speaks like it."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import numpy as np

try:
    boto3, moto = import_module("boto3"), import_module("moto.server")
except ImportError as exc:  # the store, and not what reads it
    np.savez(sys.argv[2], missing=f"no store to try it with: {exc}; pip install 'moto[server]'")
    raise SystemExit(0) from exc

import dicube_core

server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
os.environ |= {
    "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    "AWS_ACCESS_KEY_ID": "probe",
    "AWS_SECRET_ACCESS_KEY": "probe",
    "AWS_DEFAULT_REGION": "us-east-1",
}
client = boto3.client("s3")
client.create_bucket(Bucket="probe")
client.put_object(Bucket="probe", Key="study.dcbs", Body=Path(sys.argv[1]).read_bytes())
address = "s3://probe/study.dcbs"
values = dicube_core.load(address).get_fdata("float64")
with dicube_core.open(address) as reader:
    geometry = reader.geometry
affine = np.empty(0) if geometry is None else geometry.affine_xyz_ras
np.savez(sys.argv[2], values=values, affine=affine)
server.stop()
