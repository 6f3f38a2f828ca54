"""The one way to the cluster's API server: requests, streams and WebSockets, with their errors told in our words.

What is ordinary in use is an answer and no error: what is not there is None, and so is what exists already when it is to be
created. All else raises: ``Refused`` names the right that is missing, ``Unreachable`` a server that does not answer,
``EngineFailed`` has the server's own words.

Who is turned away because the server is busy (429, 503), or meets a connection that breaks, tries again after a growing,
random while; what changes something is repeated only where the server did not begin with it. Who is nobody (401) loads its
credentials anew, once: tokens expire.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from ...errors import EngineFailed, Refused, TfnzError, Unreachable
from .credentials import Access, Load

Json = dict[str, Any]
#: Names may come more than once: ``command`` has one for each word.
Query = Sequence[tuple[str, str]]

_TRIES = 6
_SLOWEST = 30.0  # seconds for one try, from the first byte sent to the last received
_PAGE = 500  # objects asked for at once
_BUSY = (429, 503)  # told before anything was done
_BROKEN = (500, 502, 504)  # something may have been done
_REPEATABLE = ("GET", "DELETE", "PATCH")
_NOT_THERE, _EXISTS, _GONE = 404, 409, 410


class Forgotten(Exception):
    """The server has forgotten the version that a watch was to go on from (410): list anew."""


class Api:
    """One cluster, one account. Make it on the loop that uses it; close it.

    Args:
        load: finds the server and who we are there.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._access: Access | None = None
        self._loading = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> str:
        """Find the server; the namespace we are to work in."""
        return (await self._known()).namespace

    async def close(self) -> None:
        """End every connection. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def server(self) -> str:
        """Its address."""
        return self._access.server if self._access else "the API server"

    # -- objects -------------------------------------------------------------------------------------------------------

    async def get(self, path: str, query: Query = ()) -> Json | None:
        """An object; None if there is none."""
        return await self._ask("GET", path, query, absent=(_NOT_THERE,))

    async def items(self, path: str, query: Query = ()) -> tuple[list[Json], str]:
        """All objects of a list, however long, and the version it was read at (where a watch goes on)."""
        found: list[Json] = []
        more = ""
        while True:
            page = [*query, ("limit", str(_PAGE)), *([("continue", more)] if more else [])]
            answer = await self._ask("GET", path, page)
            assert answer is not None
            found += answer.get("items") or []
            more = answer["metadata"].get("continue", "")
            if not more:
                return found, answer["metadata"].get("resourceVersion", "")

    async def create(self, path: str, body: Json, query: Query = ()) -> Json | None:
        """What was created; None if one of that name exists already."""
        return await self._ask("POST", path, query, body, absent=(_EXISTS,))

    async def patch(self, path: str, body: Json, *, strategic: bool = False) -> Json | None:
        """What it became; None if it is not there. ``strategic`` patches know what lists are lists of."""
        kind = f"{'strategic-' if strategic else ''}merge-patch+json"
        return await self._ask("PATCH", path, (), body, absent=(_NOT_THERE,), kind=kind)

    async def delete(self, path: str, query: Query = (), *, grace: int | None = None) -> bool:
        """Whether it was there. ``grace`` is a Pod's, in seconds; what it owns goes with it, in the background."""
        options: Json = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        # 409: it is being deleted, or was replaced meanwhile by one of another uid
        return (
            await self._ask("DELETE", path, query, options, absent=(_NOT_THERE, _EXISTS))
            is not None
        )

    async def _ask(
        self, method: str, path: str, query: Query, body: Json | None = None,
        absent: tuple[int, ...] = (), kind: str = "json",
    ) -> Json | None:  # fmt: skip
        data = None if body is None else msgspec.json.encode(body)
        limit = aiohttp.ClientTimeout(total=_SLOWEST)
        words = {"Content-Type": f"application/{kind}"} if data is not None else {}
        async with self._answer(
            method, path, query, data=data, headers=words, timeout=limit, absent=absent
        ) as answer:
            if answer.status in absent:
                return None
            return self._document(await self._body(answer))

    # -- what takes longer ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def stream(
        self, path: str, query: Query = (), *, silence: float | None = None
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer that comes bit by bit: a watch, a log. ``silence``: seconds without a byte after which it is cut.

        Raises ``Forgotten`` besides; reading raises ``aiohttp.ClientError`` where the connection breaks, and ``TimeoutError``.
        """
        limit = aiohttp.ClientTimeout(total=None, sock_connect=_SLOWEST, sock_read=silence)
        async with self._answer("GET", path, query, timeout=limit, absent=(_GONE,)) as answer:
            if answer.status == _GONE:
                raise Forgotten(_message(await self._body(answer)))
            yield answer.content

    async def socket(
        self, path: str, query: Query, protocols: Sequence[str]
    ) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket into a Pod (exec, attach, portforward): the caller's to close.

        Raises as requests do: ``EngineFailed`` also where the Pod is not there any more.
        """
        renewed = False
        for turn in range(_TRIES):
            access = await self._known()
            try:
                return await self._connections().ws_connect(
                    access.server + path, params=list(query), protocols=protocols, max_msg_size=0,
                    headers=_headers(access) | {"Accept": "*/*"}, ssl=_tls(access), proxy=access.proxy,
                    server_hostname=access.server_name, autoping=True, compress=0,
                )  # fmt: skip
            except aiohttp.WSServerHandshakeError as error:
                if error.status == 401 and not renewed:
                    renewed = True
                    await self._renew(access)
                elif error.status in _BUSY and turn < _TRIES - 1:
                    await asyncio.sleep(pause(turn))
                else:
                    raise _problem("GET", path, error.status, error.message) from error
            except (aiohttp.ClientError, OSError) as error:
                raise self._silent(error) from error
        raise AssertionError("the last try returns or raises")

    # -- one try after the other ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, query: Query, absent: tuple[int, ...] = (), **words: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is none of those after which one tries again, or raises."""
        answer = await self._try(method, path, query, **words)
        try:
            if answer.status >= 400 and answer.status not in absent:
                raise _problem(method, path, answer.status, _message(await self._body(answer)))
            yield answer
        finally:
            answer.release()

    async def _try(
        self, method: str, path: str, query: Query, **words: Any
    ) -> aiohttp.ClientResponse:
        renewed = False
        for turn in range(_TRIES):
            access = await self._known()
            last = turn == _TRIES - 1
            try:
                answer = await self._send(access, method, path, query, **words)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if last or not _never_began(error, method):
                    raise self._silent(error) from error
                await asyncio.sleep(pause(turn))
                continue
            if answer.status == 401 and not renewed:
                renewed = True
                await self._renew(access)
            elif last or not _passes(answer.status, method):
                return answer
            else:
                await asyncio.sleep(max(pause(turn), _wanted(answer)))
            answer.release()
        raise AssertionError("the last try returns or raises")

    async def _send(
        self, access: Access, method: str, path: str, query: Query, *,
        headers: dict[str, str] | None = None, **words: Any,
    ) -> aiohttp.ClientResponse:  # fmt: skip
        return await self._connections().request(
            method, access.server + path, params=list(query), ssl=_tls(access), proxy=access.proxy,
            headers=_headers(access) | (headers or {}), server_hostname=access.server_name, **words,
        )  # fmt: skip

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        """All of it. Raises ``Unreachable`` where it breaks off."""
        try:
            return await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._silent(error) from error

    def _document(self, body: bytes) -> Json:
        try:
            found: Json = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise EngineFailed(
                f"what answers at {self.server} is no API server of Kubernetes",
                detail=body[:300].decode("utf-8", "replace"),
            ) from error
        return found

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30), trust_env=False
            )
        return self._session

    async def _known(self) -> Access:
        async with self._loading:
            if self._access is None:
                self._access = await self._load()
            return self._access

    async def _renew(self, refused: Access) -> None:
        """Load credentials anew, unless somebody else just did."""
        async with self._loading:
            if self._access is refused:
                self._access = await self._load()

    def _silent(self, error: Exception) -> Unreachable:
        reason = str(error) or type(error).__name__
        return Unreachable(
            f"the cluster's API server at {self.server} does not answer: {reason}",
            hint="`kubectl get nodes` with the same kubeconfig and context shows whether it is there.",
        )


def pause(turn: int) -> float:
    """Seconds to wait before a further try: growing, and random, so that not everybody comes back at once."""
    return float(random.uniform(0.5, 1.0) * min(10.0, 0.1 * 2 ** min(turn, 10)))


def _wanted(answer: aiohttp.ClientResponse) -> float:
    """The while that the server asks for, in seconds."""
    after = answer.headers.get("Retry-After", "")
    return float(min(int(after), 10)) if after.isdigit() else 0.0


def _passes(status: int, method: str) -> bool:
    """Whether another try may find it better, and does no harm."""
    return status in _BUSY or (status in _BROKEN and method in _REPEATABLE)


def _never_began(error: Exception, method: str) -> bool:
    return method in _REPEATABLE or isinstance(error, aiohttp.ClientConnectorError)


def _headers(access: Access) -> dict[str, str]:
    return {"Authorization": access.authorization} if access.authorization else {}


def _tls(access: Access) -> Any:
    return True if access.tls is None else access.tls


def _message(body: bytes) -> str:
    """The server's words, out of a ``Status`` where it is one."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body[:300].decode("utf-8", "replace").strip()
    return str(found.get("message", "")) if isinstance(found, dict) else ""


def _problem(method: str, path: str, status: int, message: str) -> TfnzError:
    """What a refusal is in our words."""
    words = message or f"{method} {path}"
    if status == 401:
        return Refused(
            "the cluster does not know us: it refused our credentials",
            hint="Log in again as your cluster's documentation says; `kubectl get pods` must work.",
        )
    if status == 403:
        return Refused(
            f"the cluster forbids it: {words}",
            hint="`tfnz doctor kubernetes` says which rights are missing, and how to grant them.",
        )
    if status == _NOT_THERE:
        return EngineFailed(f"the cluster has no such thing: {words}")
    if status == _GONE:
        return EngineFailed(f"the cluster has forgotten that version: {words}")
    return EngineFailed(f"the cluster refused ({status}): {words}")
