"""What reads ``.dcbs`` files, how that is switched on, and whether it works here."""

from __future__ import annotations

from dicube_plugins.integrations.base import Integration, IntegrationReport, Switch
from dicube_plugins.integrations.probing import probe_integrations
from dicube_plugins.integrations.table import INTEGRATIONS

__all__ = ["INTEGRATIONS", "Integration", "IntegrationReport", "Switch", "probe_integrations"]
