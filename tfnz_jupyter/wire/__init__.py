"""The conversation between a program and a location: typed messages, their encoding, and one session for both ends.

Pure: bytes and the time go in, messages and bytes come out. Sockets live in ``sdk.connection`` and ``server.router``.
"""
