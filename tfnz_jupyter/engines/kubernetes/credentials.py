"""Where the cluster is and who we are to it: a kubeconfig as users have it, or the service account of the Pod we run in.

Files, contexts and the plugins that fetch tokens are ``kubernetes_asyncio``'s business; it is imported when an engine opens,
never before. What it finds is loaded anew whenever the server says that we are nobody: tokens expire.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import EngineFailed, NotSupported, UsageError

_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_MEND = "Give --kubeconfig and --context, or set KUBECONFIG; `kubectl config get-contexts` lists contexts."


@dataclass(frozen=True, slots=True)
class Access:
    """What a request needs: ``https://host:port``, TLS (None for plain http), and an Authorization header, if any."""

    server: str
    namespace: str
    tls: ssl.SSLContext | None = None
    authorization: str = ""
    server_name: str | None = None  # whom the certificate must name, where that is not the host
    proxy: str | None = None


#: Finds out who we are; called again when what it gave has expired.
Load = Callable[[], Awaitable[Access]]


def loader(folder: Path, *, kubeconfig: str = "", context: str = "", namespace: str = "") -> Load:
    """What loads access from a kubeconfig, or, where none is named and none is there, from the Pod we run in.

    Args:
        folder: private; certificates that a kubeconfig holds are written there.
        kubeconfig: file, or several with ``:`` between; "" for ``KUBECONFIG`` or ``~/.kube/config``.
        context: one of its contexts; "" for the current one.
        namespace: "" for the context's, or the Pod's.
    """

    async def load() -> Access:
        config = await asyncio.to_thread(_library)
        if not kubeconfig and not context and _inside():
            return await asyncio.to_thread(_from_pod, config, namespace)
        found = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        return await _from_file(config, found, context, namespace, folder)

    return load


def _inside() -> bool:
    """Whether this is a Pod of the cluster, and nobody pointed elsewhere."""
    return (
        "KUBERNETES_SERVICE_HOST" in os.environ
        and "KUBECONFIG" not in os.environ
        and (_IN_CLUSTER / "token").exists()
    )


def _library() -> Any:
    try:
        from kubernetes_asyncio import config
    except ImportError:
        raise NotSupported(
            "the kubernetes engine needs kubernetes_asyncio, which is not installed",
            hint="pip install 'tfnz_jupyter[kubernetes]'",
        ) from None
    return config


def _from_pod(config: Any, namespace: str) -> Access:
    found = _configuration()
    try:
        config.load_incluster_config(client_configuration=found)
    except config.ConfigException as error:
        raise EngineFailed(f"the Pod's service account cannot be used: {error}") from error
    own = (_IN_CLUSTER / "namespace").read_text("utf-8").strip()
    return _access(found, namespace or own)


async def _from_file(
    config: Any, kubeconfig: str, context: str, namespace: str, folder: Path
) -> Access:
    if not _is_there(kubeconfig):
        raise UsageError(f"kubeconfig {kubeconfig!r}: there is no such file", hint=_MEND)
    found = _configuration()
    words = {"config_file": kubeconfig, "context": context or None}
    try:
        await config.load_kube_config(
            **words, client_configuration=found, temp_file_path=str(folder)
        )
        _every, chosen = config.list_kube_config_contexts(kubeconfig)
        if context:
            chosen = next(one for one in _every if one["name"] == context)
    except config.ConfigException as error:
        raise UsageError(f"kubeconfig {kubeconfig!r}: {error}", hint=_MEND) from error
    except OSError as error:  # its files, or the plugin that is to say who we are
        told = ": ".join(filter(None, [error.filename, error.strerror]))
        raise UsageError(f"kubeconfig {kubeconfig!r}: {told}", hint=_MEND) from error
    own = (chosen or {}).get("context", {}).get("namespace")
    return await asyncio.to_thread(_access, found, namespace or own or "default")


def _is_there(kubeconfig: str) -> bool:
    return any(os.path.exists(os.path.expanduser(one)) for one in kubeconfig.split(os.pathsep))


def _configuration() -> Any:
    from kubernetes_asyncio.client import Configuration

    return Configuration()


def _access(found: Any, namespace: str) -> Access:
    return Access(
        server=found.host.rstrip("/"),
        namespace=namespace,
        tls=_tls(found) if found.host.startswith("https:") else None,
        authorization=found.api_key.get("BearerToken", ""),
        server_name=found.tls_server_name,
        proxy=found.proxy,
    )


def _tls(found: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=found.ssl_ca_cert)
    if found.cert_file:
        context.load_cert_chain(found.cert_file, found.key_file)
    if not found.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
