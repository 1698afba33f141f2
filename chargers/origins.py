"""Where orders come from, in the words that `requested_via` keeps of it; pages read them with `sentences.read`.

Rooms above give orders too and write their own words. They stand here together, and a test holds this list to what is
written anywhere.
"""

from __future__ import annotations

from chargers.sentences import phrase

ORIGINS = (
    phrase("portal"),
    phrase("rest"),
    phrase("rest: {name}"),
    phrase("demo"),
    phrase("boot"),
    phrase("check"),
    phrase("settings in force"),
    phrase("tariff"),
    phrase("missing events"),
    phrase("CA"),
    phrase("AWS IoT shadow"),
    phrase("job {number}"),
    phrase("rollout {number}"),
    phrase("campaign {number}"),
    phrase("issue {number}"),
    phrase("plan default"),
    phrase("plan floor"),
    phrase("plan lease"),
    phrase("plan: it draws more than it may"),
    phrase("probe"),
    phrase("library, read back"),
    phrase("library, put back"),
)
US = "Chargeyard"  # who ordered what says nothing of where it came from; the same in every language
