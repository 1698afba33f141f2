"""Firmware campaigns: one image for many chargers, ring after ring.

- ``rings``: how chargers are divided (pure)
- ``windows``: when a site may be worked at (pure)
- ``planning``: who may go next, who waits and why, whether it must halt (pure)
- ``progress``: what became of a charger that was ordered to update, as boots and steps tell
- ``running``: one look at a campaign, again and again; each is a transaction, and may be the last before a crash
- ``care``: what people do with a campaign

The rows are the whole state: whatever is restarted, the next look goes on from them. An order is never given twice
blindly: what became of one that got no answer shows in the version with which the charger boots. Knows no session;
who charges, and who has charged since, it is told by the `Eyes` it is given.
"""
