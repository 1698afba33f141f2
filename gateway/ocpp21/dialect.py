"""The tables of OCPP 2.1, on top of those of 2.0.1; the chapters beside this module fill them."""

from gateway.dialect import Dialect
from gateway.ocpp201.dialect import dialect as ocpp201

dialect = Dialect("ocpp2.1", schemas="v21", based_on=ocpp201)
