"""The location's images: found, fetched or built, verified, and kept in one OCI image layout.

A **name** (``nginx``, ``host:5000/app:1.0``, ``app@sha256:...``) is looked for in this order, and the first who has it wins:

1. the engine, where its nodes have images of their own (Docker's), or fetch them (a cluster): nothing is copied here, but
   for who builds on one. What was built here comes before it.
2. the store. What is there is used without asking anybody; to refresh an image, remove it and ask again.
3. the local Docker, then the local Podman: what was built on this machine is meant.
4. the registry of its name. Whether one answers is found out within 2 to 5 seconds, before anything else is tried.
5. a recipe, for ``busybox debian nginx postgres python redis``, if the registry does not answer, does not have it, or will
   not give it (rate limits). A recipe builds the image from Debian packages in seconds; it serves a name without a tag,
   ``latest``, or a tag its version begins with, and refuses any other, saying which version it has. The image says in its
   labels and in ``ImageInfo.source`` that it is not the official one.

A **file** (``oci-archive:``, ``docker-archive:``, ``oci:``, or a path) is itself the only source. The store's copy is used
for as long as the file has not changed.

``.`` is the newest image of the local Docker or Podman; it is asked for each time.

Users that are not the location's own have a store each (``library``), and other rules (``rules``).
"""

from __future__ import annotations

from .images import Images
from .library import Library

__all__ = ["Images", "Library"]
