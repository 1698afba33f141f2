"""What people see: one module per noun. Views read rows and call domain verbs; no OCPP word is spoken here."""
