"""Frames decoded on a GPU by NVIDIA's nvImageCodec: values stay there, and are those of the CPU.

Importing this package loads neither nvImageCodec nor a CUDA driver. A device is used when it is
asked for, and only for the kinds of frames that it was seen to decode right here (`capability`).
"""

from __future__ import annotations

from dicube_plugins.gpu._capability import DeviceCapability, KindResult, Outcome
from dicube_plugins.gpu._frames import DeviceFrames, decode_frames
from dicube_plugins.gpu._kinds import Kind
from dicube_plugins.gpu._modality import modality_frames
from dicube_plugins.gpu._session import capability, obstacle

__all__ = [
    "DeviceCapability",
    "DeviceFrames",
    "Kind",
    "KindResult",
    "Outcome",
    "capability",
    "decode_frames",
    "modality_frames",
    "obstacle",
]
