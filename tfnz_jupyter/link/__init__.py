"""What both ends of a session do on asyncio: messages in and out, sending at the reader's pace, and carrying connections.

``plug`` is libzmq's socket. A connection that is carried is a socket at each end and two streams between them: ``outflow``
sends, ``space`` shares what a session may have on the way, ``carried`` joins a socket to two streams, ``ports`` listens on
this machine.
"""
