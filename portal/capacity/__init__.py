"""What a yard of N chargers needs and costs, computed from measured figures. Pure; `manage.py capacity` prints it.

`figures` has every number with where it comes from, `plan` computes, `report` puts it into words. docs/scaling.md and
the cost table of docs/aws.md are printed by it, and a test compares them.
"""
