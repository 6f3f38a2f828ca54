"""Small objects of the SDK as plain facts, and the feed that keeps a page's view of one up to date."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

from msgspec import to_builtins

from ..errors import Ended
from ..sdk.endpoint import Cluster, WebEndpoint
from ..sdk.process import Process
from ..sdk.ssh import SshServer
from ..sdk.tunnel import Tunnel
from ..sdk.volume import Volume
from .feeds import LogFeed, Speaker
from .snapshots import words_of
from .views_output import clean
from .views_small import Fact, SmallSnapshot

Small = Volume | Tunnel | SshServer | WebEndpoint | Cluster | Process


@singledispatch
def snapshot(thing: Any) -> SmallSnapshot:
    """The facts about a small object, as they are now."""
    raise TypeError(f"no view of {thing!r}")


@snapshot.register
def _(volume: Volume) -> SmallSnapshot:
    state, mood = ("destroyed", "gone") if volume.dead else ("there", "live")
    return SmallSnapshot(
        "volume",
        clean(volume.tag or volume.uuid),
        state,
        mood,
        (Fact("id", volume.uuid, code=True),),
    )


@snapshot.register
def _(tunnel: Tunnel) -> SmallSnapshot:
    to = f"{clean(tunnel.container().name)}:{tunnel.port}"
    try:
        local = Fact("address", f"{tunnel.bind or '127.0.0.1'}:{tunnel.localport()}", tunnel.url)
    except Ended:
        return SmallSnapshot("tunnel", to, "closed", "gone")
    return SmallSnapshot("tunnel", to, "open", "live", (local,))


@snapshot.register
def _(server: SshServer) -> SmallSnapshot:
    name = clean(server.container().name)
    if server.dead:
        return SmallSnapshot("ssh server", name, "closed", "gone")
    return SmallSnapshot(
        "ssh server", name, "open", "live", (Fact("log in with", server.command, code=True),)
    )


@snapshot.register
def _(endpoint: WebEndpoint) -> SmallSnapshot:
    facts = tuple(Fact(name, url := endpoint.url(name), url) for name in endpoint.names)
    state = "publishing" if facts else "nothing published"
    return SmallSnapshot("web endpoint", endpoint.domain, state, "live", facts)


@snapshot.register
def _(cluster: Cluster) -> SmallSnapshot:
    names = ", ".join(clean(one.name) for one in list(cluster.containers.values())) or "nobody"
    state, mood = ("published", "live") if cluster.published else ("not published", "wait")
    facts = (Fact("containers", names), Fact("port", str(cluster.port)))
    return SmallSnapshot("cluster", cluster.uuid[:8], state, mood, facts)


@snapshot.register
def _(process: Process) -> SmallSnapshot:
    mood = {None: "gone" if process.dead else "live", 0: "done"}.get(process.returncode, "bad")
    state = clean(process.reason) if process.dead else "running"
    facts = (Fact("in", clean(process.container().name)),)
    return SmallSnapshot("process", words_of(process.cmd), state, mood, facts, log=True)


class SmallFeed(Speaker):
    """One small object's news: its facts, and what it prints if it prints.

    Args:
        on_over: called once, when there will never be news again.
    """

    def __init__(self, thing: Small, *, on_over: Callable[[], None]) -> None:
        super().__init__()
        self.thing = thing
        self.log = LogFeed(thing.log) if isinstance(thing, Process) else None
        self._on_over = on_over
        self._ended = self._frozen = False
        self._unsubscribe = thing.on_change(self.changed)

    @property
    def over(self) -> bool:
        return self._frozen and self._finished and not self._dirty.is_set()

    @property
    def _finished(self) -> bool:
        return self.log is None or self.log.finished

    def tick(self, now: float) -> bool:
        message: dict[str, Any] = {}
        buffers: list[bytes] = []
        if self._dirty.is_set():
            self._dirty.clear()
            message["facts"] = self.facts()
        if self.log is not None and (news := self.log.news(now)):
            message["log"], buffers = news
        sent = self._say(message, buffers, now)
        if self._ended and self._finished and not self._frozen:
            self._frozen = True
            self._unsubscribe()
            self._on_over()
        return sent

    def facts(self) -> dict[str, Any]:
        """All that is shown beside the output."""
        facts = snapshot(self.thing)
        self._ended = facts.over
        shown: dict[str, Any] = to_builtins(facts)
        return shown

    # what a page wants; on any thread

    def ready(self) -> None:
        """A page has opened the view and knows nothing."""
        if self.log is not None:
            self.log.replay()
        self.changed()

    def acknowledged(self) -> None:
        """A page has drawn what it was sent."""
        if self.log is not None:
            self.log.acknowledged()
