"""`python3 manage.py chaos`: breaks a yard of its own part by part; nothing that was confirmed may be lost or doubled.

    fleet (own process, fsynced history) ─▶ line ─▶ gateways ─▶ line ─▶ broker ─▶ line ─▶ workers ─▶ line ─▶ database
        ▲ orders, figures each second           site: starts, kills, freezes, wipes, restarts; proxy: the lines
    drama: calm ─ fault ─ recovery ─ calm …     checker: histories against rows      report: one table

`gateway.crash` has the points inside our own code. Nothing of this runs in a yard that serves. Part of the composition
root.
"""
