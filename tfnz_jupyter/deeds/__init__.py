"""What the verbs of ``%tf`` and ``tfnz`` do, by the public SDK: no notebook, no terminal, nothing shown."""
