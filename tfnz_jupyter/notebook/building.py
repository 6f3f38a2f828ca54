"""``%%tf build``: an image made from the cell, what its steps print shown as it comes; an interrupt ends it."""

from __future__ import annotations

import time

from .. import grammar
from ..blocking import Interrupted, Job
from ..deeds import images
from ..deeds.progress import Report
from ..sdk.lines import LineRing
from ..sdk.location import Location
from .follow import follow

_OUT = 1


def build(location: Location, wish: grammar.Build, report: Report) -> str:
    """Build it; what was done, in words.

    Raises:
        TfnzError: what ``Location.build_image`` does.
        Interrupted: the user did; the build was ended.
    """
    ring, began = LineRing(), time.monotonic()
    wanted = images.wanted(wish)
    job = Job(
        location.build_image.aio(
            **wanted, log=lambda data: ring.feed(_OUT, data, time.time()), progress=report
        )
    )
    done = job.start()
    done.add_done_callback(lambda _: ring.close())
    try:
        follow(ring)
        done.result()
    except KeyboardInterrupt:
        job.cancel()
        raise Interrupted(f"the build of {wish.tag} was ended") from None
    return images.built(wish, time.monotonic() - began)
