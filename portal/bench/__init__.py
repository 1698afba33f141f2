"""`python3 manage.py bench`: how fast this machine's yard is, and what each part costs.

    yard (`up`, temporary) ◀─ws─ generators (own processes, own framing) ◀─JSON lines─ crew ◀─ phases ─▶ report
                                                           accounts (/proc) ─────────────────┘

Knows OCPP 1.6 as far as a load needs it; nothing of it runs in a yard that serves. Part of the composition root.
"""
