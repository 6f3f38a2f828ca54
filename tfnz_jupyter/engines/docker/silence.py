"""Why no Docker or Podman answers at an address, and what mends it: from what was said, or not, when it was asked. Pure."""

from __future__ import annotations

import aiodocker

from ...errors import EngineFailed

_OLDEST = (1, 40)  # of the Engine API: Docker 19.03, Podman 3
_FILES = (
    "ca.pem says whom to trust; cert.pem and key.pem are yours, signed by whom the host trusts."
)
_TLS_WANTED = "It speaks TLS: give the folder with your certificates, --certs FOLDER."
_NO_TLS = "It speaks no TLS: leave --certs (DOCKER_CERT_PATH) out, or ask another port."
_RIGHTS = (
    "Be root, or in the group that owns the socket: sudo usermod -aG docker $USER, and log in anew."
)
_RUNS = "Is it running, and may this user use it? Try: docker info"
#: What is said of TLS, by a word of OpenSSL's reason: what it means, and what mends it.
_OF_TLS = (
    ("certificate has expired", "its certificate has expired", "Have it given a new one."),
    ("not yet valid", "its certificate is not valid yet", "Are the clocks of both machines right?"),
    ("mismatch", "its certificate is another host's", "Use the name that stands in it."),
    ("certificate verify failed", "nobody in ca.pem has signed its certificate", _FILES),
    ("wrong_version_number", "it does not speak TLS there", _NO_TLS),
    ("record layer failure", "it does not speak TLS there", _NO_TLS),
    ("alert", "it does not take the certificate in cert.pem", _FILES),
)


def no_answer(url: str, problem: BaseException, within: float) -> EngineFailed:
    """The error for an engine that did not answer as it should."""
    why, hint = _reason(problem, within)
    return EngineFailed(f"no Docker or Podman answers at {url}: {why}", hint=hint)


def require_version(url: str, version: str) -> None:
    """Raises ``EngineFailed`` where the engine speaks a version of the API that is too old."""
    numbers = tuple(int(part) for part in version.removeprefix("v").split(".") if part.isdigit())
    if numbers < _OLDEST:
        raise EngineFailed(
            f"{url} is too old: it speaks version {version.removeprefix('v')} of Docker's API",
            hint="Docker 19.03 or Podman 3 is the oldest that can be used.",
        )


def _reason(problem: BaseException, within: float) -> tuple[str, str]:
    if isinstance(problem, TimeoutError):
        return f"nothing was heard within {within:.0f} s", _RUNS
    said = problem.message.strip() if isinstance(problem, aiodocker.DockerError) else str(problem)
    words = said.lower()
    if "[ssl" in words:
        found = (told for told in _OF_TLS if told[0] in words)
        _word, why, hint = next(found, ("", said, _FILES))
        return why, hint
    if "https://" in words and "reset by peer" in words:  # what was on its way overtook its alert
        return "it hung up, as one does that does not take the certificate in cert.pem", _FILES
    if "http request to an https server" in words:
        return "it speaks TLS alone", _TLS_WANTED
    if "permission denied" in words:
        return "permission denied", _RIGHTS
    return said or type(problem).__name__, _RUNS
