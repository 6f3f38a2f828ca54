"""A server extension, off unless enabled: what a kernel says goes to the page at once, not with the next packet.

Jupyter's server leaves Nagle's algorithm on for the websockets of kernels, which costs a key in a terminal some 40 ms on a
stock server. Nothing else changes. ``jupyter server extension enable tfnz_jupyter.notebook.nodelay``
"""

from __future__ import annotations

from typing import Any

_SETTING = "kernel_websocket_connection_class"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Have every websocket to a kernel that opens from now on send at once."""
    before: Any = app.web_app.settings[_SETTING]

    class Undelayed(before):  # type: ignore[misc]  # whatever class the server was configured with
        async def connect(self) -> Any:
            self.websocket_handler.set_nodelay(True)
            return await super().connect()

    app.web_app.settings[_SETTING] = Undelayed
