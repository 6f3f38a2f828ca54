"""The location: it knows whose is what, and drives one engine.

``ledger`` decides (pure), ``router`` speaks ZeroMQ, ``peer`` is one session, ``verbs`` does what sessions ask for,
``containers``, ``processes`` and ``tunnels`` are what they own, ``relay`` carries the tunnels' bytes in a process of its own,
``ssh`` is the server behind an SSH port, ``images`` is the store.
"""
