"""The kill drill: a yard of its own under a demo fleet, its processes killed in turn, the books compared afterwards."""
