"""A location: ledger, router, images and one engine, put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engines.base import Engine, NodeInfo
from ..errors import EngineFailed, NotFound, Refused, TfnzError
from ..keyring import KeyPair
from ..wire.ids import own_id, require_name, require_own
from ..wire.messages import EngineLacks, NodesChanged, NodeState, Offered, Spawn, UsageChanged
from ..wire.placement import Promises
from ..wire.session import SILENCE
from .accounts import Accounts
from .chronicle import Chronicle
from .containers import Container, Past
from .estate import Estate
from .gate import Gate
from .gateway import Gateway, Web
from .images import Library
from .ledger import (
    Close,
    Collect,
    Effect,
    Event,
    Finished,
    Joined,
    Ledger,
    Left,
    Limits,
    Spawned,
    Tick,
)
from .meters import Meters
from .openings import Opening, Openings
from .peer import Peer
from .relay import Relay
from .revival import Revival
from .router import Router
from .store import ContainerRow, Store
from .verbs import Means, Plate, Verbs
from .volumes import Volumes

log = logging.getLogger(__name__)

_TICK = 1.0
#: So many sessions may use one invitation at once.
_GUESTS = 4
#: Closing waits this long for containers to be gone before the engine ends whatever is left (seconds).
_LAST_COLLECTION = 10.0


@dataclass(frozen=True, slots=True)
class House:
    """How a location is found, who it proves to be, whom it lets in, and what each of them may have.

    ``endpoints`` are libzmq's words for where it listens; ``plate`` makes of them, as they came to be, what invitations say;
    ``store`` is the file for what outlives its process.
    """

    endpoints: tuple[str, ...]
    keys: KeyPair
    accounts: Accounts
    plate: Callable[[list[str]], Plate]
    store: Path
    limits: Limits = field(default_factory=Limits)
    registries: frozenset[str] = frozenset()  # private ones that others may pull from
    web: Web = field(default_factory=Web)


class Location:
    """Serves one engine to those who are let in, until it is idle for too long (None: never) or told to stop."""

    def __init__(self, engine: Engine, images: Path, house: House, *, idle: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = engine
        operator = house.accounts.operator.hex()
        self._images = Library(images, operator, house.registries, engine)
        self._house = house
        self._ends_idle = idle is not None
        self._ledger = Ledger(idle=idle, now=self._loop.time(), limits=house.limits)
        self._estate = Estate(self._ledger)
        self._relay = Relay()
        self._openings: Openings
        file = images.with_name("volumes.sqlite")
        self._volumes = Volumes(engine, file, self._estate, self._handle, self._peers)
        folder = images.with_name("gateway")
        self._gateway = Gateway(engine, folder, self._relay, self._published, house.web)
        self._meters = Meters()
        self._promises = Promises()
        self._nodes: tuple[NodeInfo, ...] = ()
        self._lacks: list[str] = []  # as sessions were told
        self._collecting: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._router: Router | None = None
        self._chronicle: Chronicle

    async def open(self) -> Plate:
        """Make the engine ready, take over what a killed location left, and listen; how it is found.

        Raises what the engine's ``open`` and ``Gate`` do.
        """
        house = self._house
        gate = Gate(house.endpoints, house.keys, self._admits)
        store = Store(house.store)
        self._chronicle, self._openings = Chronicle(store, self._engine), Openings(store)
        revival = Revival(store)
        try:
            survivors = await self._engine.open(self._sampled, revival.known)
        except BaseException:
            gate.close()
            store.close()
            raise
        await self._volumes.open()
        means = Means(
            self._engine,
            self._images,
            self._estate,
            self._claim,
            self._hold,
            self._changed,
            self._peers,
            self._relay,
            self._gateway,
            house.accounts,
            house.plate(gate.endpoints),
            self._evict,
            self._openings,
            self._volumes,
        )
        self._verbs = Verbs(means)
        self._router = Router(
            gate,
            house.accounts,
            self._verbs.perform,
            self._joined,
            self._welcome_back,
            self._left,
            self._outdated,
            lambda: (self._engine.name, self._engine.degraded),
        )
        for row in revival.sessions:
            self._router.restore(row)
        revival.restore(self._ledger, self._estate, survivors, self._revived, self._loop.time())
        revival.reopen(self._openings, self._estate)
        for opening in revival.nobodys:
            self._gather(self._disallow(opening))
        self._loop.call_later(SILENCE + _TICK, self._estate.end_unclaimed)
        return means.plate

    def _revived(self, row: ContainerRow, past: Past) -> Container:
        self._chronicle.revived(row)
        return Container(
            row.wish,
            row.session,
            row.user,
            self._engine,
            self._images.of(row.user),
            self._changed,
            past,
        )

    async def run(self, closing: Callable[[], None]) -> None:
        """Serve until :meth:`stop`, or until idle; then call ``closing`` and leave nothing behind."""
        assert self._router is not None
        serving = asyncio.ensure_future(self._router.run())
        ticking = asyncio.ensure_future(self._tick())
        measuring = asyncio.ensure_future(self._measure())
        stopped = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing()
            for task in (serving, ticking, measuring, stopped):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await self._close()

    def stop(self) -> None:
        """Ask :meth:`run` to return."""
        self._closing.set()

    async def _close(self) -> None:
        assert self._router is not None
        self._router.close()
        await self._gateway.close()
        await self._relay.close()
        self._house.accounts.close()
        if self._collecting:
            await asyncio.wait(self._collecting, timeout=_LAST_COLLECTION)
        await self._volumes.close()
        await self._engine.close()
        self._chronicle.close()

    def _claim(self, peer: Peer, wish: Spawn) -> None:
        require_own(peer.key, wish.container)
        require_name(wish.name)
        if wish.node and all(wish.node != node.id for node in self._nodes):
            raise NotFound(f"no node {wish.node}")
        memory = wish.memory or self._memory_by_default(peer.user)
        self._handle(Spawned(peer.id, wish.container, wish.name, wish.tag or None, memory))
        self._promises.make(wish.container, wish.node, wish.cpus, wish.memory, peer.id)
        if len(self._nodes) > 1 and self._router is not None:
            self._rank_for(other for other in self._router.peers.values() if other is not peer)
        self._chronicle.wished(peer, wish)

    @contextlib.contextmanager
    def _hold(self, peer: Peer, memory: int | None) -> Iterator[str]:
        """A place for containers that are nobody's to see, counted as one of a user's; the best node for them."""
        key = own_id(peer.key)
        best = self._offer(peer).nodes
        if not best:
            raise NotFound("there is no node")
        counted = memory or self._memory_by_default(peer.user)
        self._handle(Spawned(peer.id, key, key, None, counted))
        try:
            yield best[0].id
        finally:
            self._handle(Finished(key))

    def _memory_by_default(self, user: str) -> int:
        """What a container may take that says nothing of it (half its machine), where that is counted."""
        if self._ledger.limits(user).memory is None:
            return 0
        return max((node.stats.memory_total for node in self._nodes), default=0) << 19

    def _peers(self, user: str) -> list[Peer]:
        """The sessions of a user that are here."""
        every = self._router.peers.values() if self._router else ()
        return [peer for peer in every if peer.user == user]

    def _changed(self, container: Container) -> None:
        """Tell its session, and where it is tagged the user's others, how a container is."""
        if container.over:
            self._handle(Finished(container.id))
            self._openings.end(container.id)
            self._gateway.ended(container.id)
            self._promises.over(container.id)
        elif container.state == "running":
            self._promises.runs(container.id, self._loop.time())
        self._chronicle.changed(container)
        for peer in self._peers(container.user):
            if container.over:
                peer.drop_tunnels(container.id)
            if container.tag or peer.id == container.session:
                peer.tell(container.news)

    def _welcome_back(self, peer: Peer) -> None:
        """Tell a session of the location before this one how things are now."""
        peer.tell(self._offer(peer))
        for container in self._estate.of(peer.id):
            peer.tell(container.news)
        self._verbs.offer(peer)
        peer.tell(Offered())

    def _admits(self, key: bytes) -> bool:
        return self._house.accounts.standing(key) is not None

    def _evict(self, user: str, why: TfnzError) -> None:
        """End every session of a user."""
        assert self._router is not None
        for peer in self._peers(user):
            self._router.end(peer, why)

    def _joined(self, peer: Peer) -> None:
        """Offer a new session what there is for it. Raises ``Refused`` where its user has enough of them."""
        if peer.guest:
            if len(self._peers(peer.user)) > _GUESTS:
                raise Refused("this invitation is being used already")
            return
        self._ledger.allow(peer.user, self._house.accounts.limits(peer.key))
        self._handle(Joined(peer.id, peer.user))
        self._chronicle.joined(peer)
        peer.tell(self._offer(peer))
        self._verbs.offer(peer)
        peer.tell(Offered())

    def _published(self, user: str) -> None:
        """Tell a user's sessions what is published now."""
        for peer in self._peers(user):
            peer.tell(self._gateway.offer(user))

    def _left(self, peer: Peer) -> None:
        self._chronicle.left(peer)
        for opening in self._openings.leave(peer.id):
            self._gather(self._disallow(opening))
        self._gateway.left(peer.id)
        for effect in self._handle(Left(peer.id)):
            if isinstance(effect, Collect):
                self._collect(self._estate.remove(effect.containers))

    def _outdated(self) -> bool:
        """A program of another version came: make way if nobody is here, and somebody will start another."""
        if self._ends_idle and not self._ledger.sessions:
            self.stop()
            return True
        return False

    def _sampled(self, nodes: tuple[NodeInfo, ...]) -> None:
        gone = {node.id for node in self._nodes} - {node.id for node in nodes}
        self._nodes = nodes
        self._gateway.weigh(nodes)
        self._rank_for(self._router.peers.values() if self._router else ())
        self._tell_lacks()
        for container in self._estate.on(gone):
            container.lose()

    def _tell_lacks(self) -> None:
        """Tell every session what the engine cannot give, where that is otherwise than it was when last looked at."""
        if self._lacks != self._engine.degraded:
            self._lacks = list(self._engine.degraded)
            for peer in self._router.peers.values() if self._router else ():
                if not peer.guest:
                    peer.tell(EngineLacks(self._lacks))

    def _rank_for(self, peers: Iterable[Peer]) -> None:
        for peer in peers:
            if not peer.guest:
                peer.tell(self._offer(peer))

    def _offer(self, peer: Peer) -> NodesChanged:
        """All nodes, best first, with what others were promised counted in; its own a session counts itself."""
        now = self._loop.time()
        states = [_node_state(n, self._promises.on(n.id, now, peer.id)) for n in self._nodes]
        return NodesChanged(sorted(states, key=lambda state: -state.score))

    def _collect(self, containers: list[Container]) -> None:
        for container in containers:
            self._gather(container.destroy(0))

    async def _disallow(self, opening: Opening) -> None:
        with contextlib.suppress(EngineFailed):  # its keeper is gone, and every opening with it
            await self._engine.disallow(opening.server, opening.client)

    def _gather(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what closing the location waits for."""
        task = asyncio.ensure_future(work)
        self._collecting.add(task)
        task.add_done_callback(self._collecting.discard)

    def _handle(self, event: Event) -> list[Effect]:
        return self._ledger.handle(event, self._loop.time())

    async def _measure(self) -> None:
        """Tell sessions about once a second what the containers they see use."""
        while True:
            await asyncio.sleep(_TICK)
            running = self._estate.running()
            try:
                usage = await self._engine.usage([c.id for c in running]) if running else {}
            except TfnzError as problem:  # its containers are about to be over
                log.info("usage: %s", problem)
                continue
            self._meters.take(usage, self._loop.time())
            self._tell_usage(running)

    def _tell_usage(self, running: list[Container]) -> None:
        peers = self._router.peers if self._router else {}
        self._meters.keep(peers)
        for peer in list(peers.values()):
            mine = [c.id for c in running if self._sees(peer, c)]
            if news := self._meters.news(peer.id, mine):
                peer.tell(UsageChanged(news))

    def _sees(self, peer: Peer, container: Container) -> bool:
        """Whether a session is told of a container: its own, and its user's tagged ones."""
        own = peer.id == container.session
        return peer.user == container.user and (own or container.tag is not None)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            if Close() in self._handle(Tick()):
                log.info("idle: closing")
                self.stop()


def _node_state(node: NodeInfo, promised: int) -> NodeState:
    s = node.stats
    return NodeState(
        node.id,
        node.name,
        s.cpu,
        s.cpu_total,
        s.memory,
        s.memory_total,
        s.paging,
        s.containers,
        s.score - promised,
    )
