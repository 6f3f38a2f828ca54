"""What the engine of a location on this machine can be told: the same options for ``connect`` and ``serve``.

They are read as pairs of name and value; the engine knows what they mean, and refuses those of another.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from .slots import Option


def _named(name: str) -> Callable[[str], tuple[str, str]]:
    return lambda word: (name, word)


def _option(engine: str, flag: str, help: str, metavar: str, *, repeats: bool = False) -> Option:
    name, text = flag.removeprefix("--").replace("-", "_"), f"{engine}: {help}"
    return Option((flag,), "options", text, metavar, _named(name), repeats=repeats, gathers=True)


OPTIONS = (
    _option("docker", "--host", "an engine: unix://, tcp:// or ssh://", "URL", repeats=True),
    _option("docker", "--certs", "the folder with the keys for tcp:// hosts", "FOLDER"),
    replace(
        _option("docker", "--allow-host-rules", "change the firewalls of other hosts", "yes|no"),
        implied="yes",
    ),
    _option("kubernetes", "--context", "of the kubeconfig; else its current one", "CONTEXT"),
    _option("kubernetes", "--namespace", "where containers are; else the context's", "NAMESPACE"),
    _option("kubernetes", "--kubeconfig", "else KUBECONFIG, or the pod's own account", "FILE"),
    _option("kubernetes", "--registry", "where images go that the cluster pulls", "HOST[:PORT]"),
    _option("kubernetes", "--storage-class", "volumes are of this class", "CLASS"),
    _option("kubernetes", "--ingress-class", "publish by an Ingress of this class", "CLASS"),
    _option("kubernetes", "--init-image", "the image that containers are begun with", "IMAGE"),
)
