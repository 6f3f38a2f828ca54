"""``tfnz manifest``: what the kubernetes engine ships for the administrator of a cluster."""

from __future__ import annotations

from ..engines.kubernetes import shipped
from ..grammar.shell import PrintManifest


def manifest(wish: PrintManifest) -> int:
    """Print one, for ``kubectl apply -f -``."""
    text = shipped.text(
        wish.kind,
        namespace=wish.namespace,
        user=wish.user,
        account=wish.account,
        image=wish.image,
        name=wish.name,
        options=["--registry", wish.registry] if wish.registry else [],
    )
    print(text, end="")
    return 0
