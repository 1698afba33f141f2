from __future__ import annotations

import pytest

from chargers.addresses import network

HOME = "192.0.2.7"


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        (HOME, HOME),
        ("::ffff:192.0.2.7", HOME),
        ("2001:db8::5", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("192.0.2.7:4711", "192.0.2.7:4711"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address, counted_as):
    assert network(address) == counted_as
