"""What is limited and for whom: pure, so that a service's rules can name their limits. ``limits`` counts them."""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Limit:
    """``burst`` attempts at once, refilled by one every ``every``."""

    name: str
    burst: int
    every: timedelta


@dataclass(frozen=True)
class Count:
    """One limit applied to one subject: an account id, the hash of a document, an address prefix, "" for everybody."""

    limit: Limit
    subject: str

    @property
    def key(self) -> str:
        """The row's key: limit name and a hash, so that the table says nothing about the people behind it."""
        return f"{self.limit.name}:{hashlib.sha256(self.subject.encode()).hexdigest()[:40]}"


def address_prefix(address: str) -> str:
    """The network a device calls from: /24 of IPv4, /56 of IPv6 (what one home or office is given); "unknown" for anything else.

    A port and the brackets of an IPv6 address are ignored.
    """
    host = address.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    bits = 24 if parsed.version == 4 else 56
    return str(ipaddress.ip_network(f"{parsed}/{bits}", strict=False))
