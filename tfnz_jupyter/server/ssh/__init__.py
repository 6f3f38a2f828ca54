"""SSH and SFTP into a container of any image: the server is ours, at the location; nothing of it is in the container.

It listens on nothing. A tunnel leads to it as it would lead to a port: :class:`Gate` dials one end of a socket pair and
serves the other. ``login`` says who may come in and where ``-L`` leads, ``sessions`` runs commands and shells by the
engine, ``sftp`` works on the engine's files. What asyncssh would do on the location's own machine (files, agents,
listening) is overridden or refused, each of it.
"""

from .gate import Gate as Gate
