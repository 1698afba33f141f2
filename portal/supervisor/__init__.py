"""`python3 manage.py up`: starts the parts of a whole yard in order, keeps them running, stops them without a trace.

Knows processes, ports and files; no OCPP, no table, no Django (so the process that watches stays small).
"""
