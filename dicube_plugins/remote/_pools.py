"""Connections to servers, kept open for the next request; those of a process are its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError

from dicube_core.exceptions import SettingsError
from dicube_core.forks import renew_after_fork

if TYPE_CHECKING:
    from urllib3 import PoolManager

__all__ = ["POOLS"]

#: Servers that connections are kept to, and how many to each: those that there are.
_SERVERS, _CONNECTIONS = 32, 1024


class _Pools:
    """One pool for each proxy, and one without. Safe for threads and after fork."""

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Begin without connections: two processes that share one read each other's answers."""
        self._lock = threading.Lock()
        self._managers: dict[str, PoolManager] = {}

    def for_url(self, url: str) -> PoolManager:
        """Return what makes requests for an address; proxies are those of the environment."""
        parts = urlsplit(url)
        proxy = getproxies().get(parts.scheme, "")
        if proxy and proxy_bypass(parts.netloc.rpartition("@")[2]):
            proxy = ""
        with self._lock:
            manager = self._managers.get(proxy)
            if manager is None:
                try:
                    manager = self._managers[proxy] = _manager(proxy)
                except (HTTPError, ValueError) as exc:
                    # Not what it is: there may be a password in it.
                    raise SettingsError(
                        f"environment variable {parts.scheme}_proxy is no proxy that can be used",
                        suggestion="http://host:port or https://host:port is",
                    ) from exc
        return manager


def _manager(proxy: str) -> PoolManager:
    if not proxy:
        return urllib3.PoolManager(num_pools=_SERVERS, maxsize=_CONNECTIONS)
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    user = urlsplit(proxy).netloc.rpartition("@")[0]
    headers = urllib3.make_headers(proxy_basic_auth=unquote(user)) if user else None
    return urllib3.ProxyManager(
        proxy, num_pools=_SERVERS, maxsize=_CONNECTIONS, proxy_headers=headers
    )


POOLS = _Pools()
