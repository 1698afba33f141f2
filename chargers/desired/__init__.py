"""Configuration as desired state: templates say what is wanted, chargers tell what is, rollouts bring them together.

    templates ─▶ rule (pure: which value, and why) ─▶ standings (how each charger stands to it) ─▶ pages, issues
    a person says go ─▶ rollouts (one write at a time, read back) ─▶ `chargers.commands` ─▶ charger
    boots after a write ─▶ guard ─▶ quarantine: nobody of that model and firmware is written that setting again

Nothing is ever written because it differs: only because a person, or somebody's system, has said so.
"""
