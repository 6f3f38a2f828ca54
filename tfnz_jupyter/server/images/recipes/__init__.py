"""Well-known images, built from Debian packages where no registry answers. An image that came from here says so."""

from __future__ import annotations

from .busybox import BUSYBOX
from .debian import DEBIAN
from .nginx import NGINX
from .postgres import POSTGRES
from .python import PYTHON
from .recipe import Recipe
from .redis import REDIS

RECIPES: dict[str, Recipe] = {r.name: r for r in (BUSYBOX, DEBIAN, NGINX, POSTGRES, PYTHON, REDIS)}

__all__ = ["RECIPES", "Recipe"]
