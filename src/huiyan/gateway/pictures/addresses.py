"""Which addresses are on the public Internet: the only ones that a picture may be fetched from."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address

#: Refused beside everything that `ipaddress` does not call global: ways to reach IPv4 addresses that are not
#: written out, and what older Pythons' tables do not know.
_REFUSED_6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "::/96",  # IPv4-compatible, RFC 4291, 2.5.5.1
            "::ffff:0:0:0/96",  # IPv4-translated, RFC 2765
            "64:ff9b:1::/48",  # local NAT64, RFC 8215
            "100::/64",  # discard, RFC 6666
            "2001::/23",  # IETF protocols; Teredo is one of them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation, RFC 9637
            "5f00::/16",  # segment routing, RFC 9602
            "fc00::/7",  # unique local
            "fe80::/10",  # link-local
            "fec0::/10",  # site-local
            "ff00::/8",  # multicast
        ),
    )
)
_REFUSED_4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT, and Alibaba Cloud's metadata service (100.100.100.200)
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: other clouds' metadata services
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)


def is_public(address: Address) -> bool:
    """Whether `address` is a public unicast one; an IPv6 form of an IPv4 address is judged as that one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        return address.is_global and not any(address in network for network in _REFUSED_6)
    return address.is_global and not any(address in network for network in _REFUSED_4)
