"""``MQTT_URL`` taken apart."""

from __future__ import annotations

import pytest

from gateway.bus.address import Address, connect_args


def test_host_and_port_stand_in_the_url() -> None:
    assert connect_args("mqtt://broker:1884") == Address("broker", 1884, None, None, tls=False)


@pytest.mark.parametrize(("url", "port"), [("mqtt://broker", 1883), ("mqtts://broker", 8883)])
def test_each_scheme_has_its_port(url: str, port: int) -> None:
    assert connect_args(url).port == port


def test_credentials_are_decoded_and_never_shown() -> None:
    address = connect_args("mqtts://us%40er:p%3Aw@broker:8884")
    assert (address.username, address.password, address.tls) == ("us@er", "p:w", True)
    assert str(address) == "mqtts://broker:8884"


@pytest.mark.parametrize("url", ["", "broker:1883", "http://broker", "mqtt://", "mqtt://u:hunter2@", "mqtt://broker:x"])
def test_a_wrong_url_is_named_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="MQTT_URL") as wrong:
        connect_args(url)
    assert "hunter2" not in str(wrong.value)
