"""Repair of damaged files: what is proven is kept, what is not is named (``docs/repair.md``)."""

from dicube_core.salvage.repairing import lost_headers, repair
from dicube_core.salvage.report import RepairReport

__all__ = ["RepairReport", "lost_headers", "repair"]
