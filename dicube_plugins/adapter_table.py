"""What ``dcbs plugins`` prints: adapters and plugins, as a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dicube_plugins.installer import status
from dicube_plugins.manager import plugin_status

if TYPE_CHECKING:
    from rich.console import Console

    from dicube_plugins.installer import AdapterStatus
    from dicube_plugins.manager import PluginStatus

__all__ = ["print_plugins", "status_dict"]

_COLOURS = {"installed": "green", "available": "green", "failed": "bold red", "missing": "dim"}


def status_dict() -> dict[str, Any]:
    """Return both tables as JSON values."""
    return {
        "adapters": [asdict(one) for one in status()],
        "plugins": [asdict(one) for one in plugin_status()],
    }


def print_plugins(console: Console) -> None:
    """Print how adapters stand, and what became of every plugin."""
    adapters, plugins = status(), plugin_status()
    console.print(_adapter_table(adapters))
    if any(one.state == "available" for one in adapters):
        console.print(
            "available: dicube_plugins.install(NAME) switches it on, in a running Python",
            style="dim",
            highlight=False,
        )
    console.print()
    console.print(_plugin_table(plugins))


def _adapter_table(adapters: list[AdapterStatus]) -> Any:
    table = _table("adapter", "framework", "state", "what it brings, or what is wrong")
    for one in adapters:
        framework = f"{one.framework} {one.version}".strip()
        _add(table, (one.name, framework, one.state, one.message or one.description))
    return table


def _plugin_table(plugins: list[PluginStatus]) -> Any:
    table = _table("plugin", "from", "state", "")
    for one in plugins:
        _add(table, (one.name, one.origin, one.state, one.message))
    return table


def _table(*headings: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _add(table: Any, row: tuple[str, ...]) -> None:
    from rich.text import Text

    # Text: what a plugin says of itself is never markup.
    table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
