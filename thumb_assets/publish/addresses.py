"""Addresses: which of them are public, and how they are told without the secrets they may hold."""

import ipaddress
import socket
from urllib.parse import urlsplit

from thumb_assets.errors import BadInputError, NetworkError

# Whoever names a host can give it hundreds of dead addresses, each of which is waited for.
_MAX_NUM_TRIED = 4
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Python counts these as global: site-local ones, NAT64 of a network's own, and IPv4 in forms of which none is routed.
_NEVER_PUBLIC = [
    ipaddress.ip_network(network) for network in ("fec0::/10", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")
]


def shown(url: str) -> str:
    """An address as it may be told and logged: scheme, host, port and path; a name, a password, a query may be secret.

    >>> shown("https://user:password@cdn.example:8443/a.mp4?signature=1234#part")
    'https://cdn.example:8443/a.mp4'
    >>> shown("user:password@cdn.example/a.mp4")
    '(no address)'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # as of a password that stands where the port is looked for
        return "(no address)"
    if not host:
        return "(no address)" if "@" in parts.path else parts.path
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}{'' if port is None else f':{port}'}{parts.path}"


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet, also where it stands for another one inside it.

    >>> is_public("93.184.216.34"), is_public("127.0.0.1"), is_public("::ffff:10.0.0.1"), is_public("64:ff9b::a00:1")
    (True, False, False, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _NEVER_PUBLIC):
            return False
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def public_addresses(host: str, port: int) -> list[str]:
    """The addresses of a host that are worth trying, at least one.

    Raises:
        NetworkError: it has none.
        BadInputError: one of them is private.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NetworkError(f"{host}: its address cannot be found ({error}); check the name and the network") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    private = [address for address in addresses if not is_public(address)]
    if private:
        raise BadInputError(
            f"{host}: has the private address {private[0]}; name the host in the setting allowed_hosts to allow it"
        )
    return addresses[:_MAX_NUM_TRIED]
