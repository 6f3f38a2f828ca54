"""Ready-made services: a container each, started right, and known to be up when it really is.

They are written on what the package offers to everybody; :class:`~.service.Service` is a pattern to copy for one's own.
"""

from __future__ import annotations

from .postgresql import Postgresql
from .redis import Redis
from .service import Service

__all__ = ["Postgresql", "Redis", "Service"]
