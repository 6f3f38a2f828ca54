"""A container's log as it grows: everything, in order, at the pace of whoever reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec

from ..blocking import block, bridge, submit
from ..wire.messages import FollowLog
from .connection import Connection
from .streams import Inflow


class Following:
    """Iterate it, or iterate it with ``async for``: bytes as they were printed, until the container is over.

    Nothing is left out: a reader that is slower than the container holds it back. Leaving the loop lets it go. Each loop
    begins at the beginning again. Not ``onward``, it is what the location holds at that moment.
    """

    def __init__(
        self,
        connection: Connection,
        container: str,
        tail: int | None,
        since: float | None,
        *,
        onward: bool = True,
    ) -> None:
        self._connection = connection
        self._wish = FollowLog(container, 0, tail, since, onward)

    def __iter__(self) -> Iterator[bytes]:
        reader = _Reader(self._connection)
        try:
            block(reader.begin(self._wish))
            while (data := block(reader.next())) is not None:
                yield data
        finally:
            submit(reader.close())  # the loop may be left on any thread

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reader = _Reader(self._connection)
        try:
            await bridge(reader.begin(self._wish))
            while (data := await bridge(reader.next())) is not None:
                yield data
        finally:
            await bridge(reader.close())


class _Reader:
    """One way through the log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inflow: Inflow | None = None

    async def begin(self, wish: FollowLog) -> None:
        """Ask for it."""
        stream = self._connection.number()
        self._inflow = Inflow(stream, self._connection.tell)
        self._connection.read(self._inflow.incoming)
        await self._connection.call(msgspec.structs.replace(wish, output=stream))

    async def next(self) -> bytes | None:
        """More of it; None at the end.

        Raises:
            SessionEnded: nobody will know how it goes on.
        """
        assert self._inflow is not None
        data = await self._inflow.read()
        if data is None and self._connection.ended is not None:
            raise self._connection.ended
        return data

    async def close(self) -> None:
        """Read no more."""
        if self._inflow is not None:
            self._connection.drop(self._inflow.incoming.stream)
