"""What SteVe has kept: its chargers with their places, its id tags, its transactions, out of a dump of its database.

Chargers and tags are judged as any table of them is, transactions become sessions that are over. What is here already
keeps what staff have set; what SteVe does not know is not made up. Read again, the same dump changes nothing.
"""
