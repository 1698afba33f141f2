"""REST for integrators: one module per resource, with its serializers, filters and views side by side.

Knows HTTP and JSON; the rules live in the domain's verbs. `docs/rest.md` is the guide, `/api/v1/docs/` the reference.
"""
