"""`python3 manage.py certify`: the public certification cases for a CSMS, played against a yard of its own.

    catalogue (ids and names) ─▶ run ─▶ scenarios: a station on a real WebSocket + the operator's desk (REST) ─▶ report

A scenario plays the charger and the operator; whatever the yard says is checked to the letter of the schemas, and that
it says nothing unasked. Knows OCPP as a charger does and the yard from outside only: no row, no handler, no import of
the gateway. Part of the composition root.
"""
