"""What ``egress=`` may be: the same rules at both ends.

One of three words, or a list of IPv4 networks; what no list can give is refused by name, not silently left out.
"""

from __future__ import annotations

from ..errors import UsageError

WORDS = ("internet", "none", "all")

#: Loopback, link-local (where clouds keep a machine's secrets), and what is nobody's: never in a list.
_NEVER = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
_MOST = 256
_HINT = "Give 'internet', 'none', 'all', or a list of networks such as '10.1.0.0/16'."

Egress = str | list[str]


def valid(given: object) -> Egress:
    """The word, or the networks in their shortest form.

    Raises:
        UsageError: it is neither, or holds a network that no list can give.
    """
    if isinstance(given, str) and given in WORDS:
        return given
    if not isinstance(given, list | tuple | set | frozenset):
        raise UsageError(f"egress: {given!r} has no meaning", hint=_HINT)
    if len(given) > _MOST:
        raise UsageError(f"egress: {len(given)} networks are too many", hint=f"At most {_MOST}.")
    return _networks(list(given)) or "none"


def _networks(given: list[object]) -> list[str]:
    from ipaddress import IPv4Network, collapse_addresses  # not worth its time where none is given

    never = [IPv4Network(text) for text in _NEVER]
    found = []
    for one in given:
        try:
            network = IPv4Network(str(one))
        except ValueError as problem:
            raise UsageError(f"egress: {one!r} is no IPv4 network: {problem}", hint=_HINT) from None
        if any(network.subnet_of(other) for other in never):
            raise UsageError(
                f"egress: {one!r} is not reached by any list of networks",
                hint="Loopback, link-local and reserved addresses need egress='all'.",
            )
        found.append(network)
    return [str(network) for network in collapse_addresses(found)]
