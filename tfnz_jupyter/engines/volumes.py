"""The volumes of an engine: folders that outlive containers, mounted in any number of them, each with snapshots.

The server decides who may use which, and keeps an engine from destroying one that is in use. Ids are the server's. Methods
return when the deed is done and will survive the machine's sudden end. They raise ``EngineFailed`` with the kernel's
reason, and ``NotFound`` for a volume or snapshot that is not there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod


class Volumes(ABC):
    """What an engine's ``volumes`` is."""

    @abstractmethod
    async def existing(self) -> set[str]:
        """The ids of all there are: what the server finds at its start."""

    @abstractmethod
    async def create(self, volume: str) -> None:
        """An empty one, and a snapshot of it like that, called "".

        It belongs to the containers' root, mode 0755. Cancelling it leaves nothing.
        """

    @abstractmethod
    async def destroy(self, volume: str) -> None:
        """Remove it with all its snapshots. Never called while a live container has it. Idempotent."""

    @abstractmethod
    async def snapshot(self, volume: str, label: str = "") -> None:
        """Keep its content of this moment under a label, replacing what that stood for.

        What processes had written is in it, synced or not. Live containers go on meanwhile.
        """

    @abstractmethod
    async def rollback(self, volume: str, label: str = "") -> None:
        """Bring back what a snapshot holds, in live containers too; the snapshot stays.

        Files that processes hold open stay the old ones to them.
        """

    @abstractmethod
    async def snapshots(self, volume: str) -> list[str]:
        """The labels of its snapshots, sorted."""
