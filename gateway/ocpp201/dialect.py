"""The tables of OCPP 2.0.1; the chapters beside this module fill them."""

from gateway.dialect import Dialect

dialect = Dialect("ocpp2.0.1", schemas="v201")
