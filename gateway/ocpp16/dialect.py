"""The tables of OCPP 1.6; the chapters beside this module fill them."""

from gateway.dialect import Dialect

dialect = Dialect("ocpp1.6", schemas="v16")
