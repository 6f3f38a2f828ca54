"""What our objects in the cluster carry, so that they are found, kept apart and collected. Pure.

Everything has the id of its location; what belongs to one container or volume, its id as well. Policies choose by these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LOCATION = "tfnz/location"
CONTAINER = "tfnz/container"
VOLUME = "tfnz/volume"
EGRESS = "tfnz/egress"  # internet, all, none or own: see manifest_policies
ROLE = "tfnz/role"  # what is no container: workshop, probe, policy, lease, anchor
#: The Pod of a location that runs in the cluster itself; the shipped manifest has it so.
LOCATION_POD = {"app.kubernetes.io/name": "tfnz-location"}
CLIENT, SERVER = "tfnz/client", "tfnz/server"  # of an opening


def selector(labels: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """As a query: the objects that have all of these."""
    return (("labelSelector", ",".join(f"{name}={value}" for name, value in labels.items())),)


def egress_class(egress: str | tuple[str, ...]) -> str:
    """The value of :data:`EGRESS` for a container's ``egress``: its word, or ``own`` for networks of its own."""
    return egress if isinstance(egress, str) else "own"
