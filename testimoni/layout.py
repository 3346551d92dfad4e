# SPDX-License-Identifier: EUPL-1.2
"""Where each service of a set-up is: seven ports from one base, http on loopback or https on a network."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from protocol.errors import ConfigurationError

SERVICES = ("tour", "issuer", "wallet", "verifier", "ledger", "sandbox", "chain")
LOOPBACK = "127.0.0.1"
_MAX_PORT = 65535


@dataclass(frozen=True)
class Layout:
    """Host and ports of one set-up. `host` is the name that browsers use."""

    port_base: int
    host: str = "localhost"

    @property
    def is_lan(self) -> bool:
        """Whether phones of the network may come, over TLS."""
        return self.host != "localhost"

    def port(self, service: str) -> int:
        """Return the service's port."""
        return self.port_base + SERVICES.index(service)

    def url(self, service: str) -> str:
        """Return where browsers and other services reach this one; the chain stays on loopback."""
        if service == "chain":
            return f"http://{LOOPBACK}:{self.port(service)}"
        return f"{'https' if self.is_lan else 'http'}://{self.host}:{self.port(service)}"

    def bind_address(self, service: str) -> str:
        """Return the address to listen on."""
        return "0.0.0.0" if self.is_lan and service != "chain" else LOOPBACK  # noqa: S104 - asked by --lan

    @property
    def origins(self) -> list[str]:
        """The origins of this set-up: all that its services may fetch."""
        return [self.url(service) for service in SERVICES]

    def check_ports(self) -> None:
        """Raise `ConfigurationError` that names the first port that is taken or does not exist."""
        if not 0 < self.port_base <= _MAX_PORT - len(SERVICES):
            raise ConfigurationError("configuration_error", f"there is no port {self.port_base}")
        for service in SERVICES:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.bind_address(service), self.port(service)))
                except OSError as exc:
                    raise ConfigurationError(
                        "port_taken",
                        f"port {self.port(service)} (for the {service}) is taken; "
                        f"stop what uses it, or choose other ports with --port-base (make up PORT_BASE=…)",
                    ) from exc


def find_lan_address() -> str:
    """Return this machine's address on its network, as a phone would reach it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # no packet is sent: this only asks the routing table (address of RFC 5737, for documentation)
            probe.connect(("192.0.2.1", 9))
        except OSError as exc:
            raise ConfigurationError("no_network", "this machine has no network; name a host: --lan NAME") from exc
        return str(probe.getsockname()[0])
