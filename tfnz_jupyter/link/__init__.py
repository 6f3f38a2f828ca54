"""What both ends of a session do with its streams, on asyncio: sending at the reader's pace, and carrying connections.

A connection that is carried is a socket at each end and two streams between them. ``outflow`` sends, ``space`` shares what
a session may have on the way, ``carried`` joins a socket to two streams, ``ports`` listens on this machine.
"""
