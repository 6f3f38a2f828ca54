"""A kubeconfig whose user is a plugin, on a real cluster: who we are is asked anew when a token is no good any more."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tests.support.eventually import eventually_async
from tests.support.kubernetes_bench import Cluster, namespace
from tfnz_jupyter.engines.kubernetes import shipped
from tfnz_jupyter.engines.kubernetes.api import Api
from tfnz_jupyter.engines.kubernetes.credentials import loader
from tfnz_jupyter.errors import Refused, UsageError

pytestmark = pytest.mark.cluster

VERSION = "client.authentication.k8s.io/v1beta1"
SCRIPT = """#!/bin/sh
echo asked >>{folder}/asked
cat {folder}/answer
"""


class Plugin:
    """A program that says who we are, and the kubeconfig that names it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        program = folder / "plugin"
        program.write_text(SCRIPT.format(folder=folder))
        program.chmod(0o755)
        config = yaml.safe_load(Path(os.environ["KUBECONFIG"].split(":")[0]).read_text())
        words = {"apiVersion": VERSION, "command": str(program), "interactiveMode": "Never"}
        for user in config["users"]:
            user["user"] = {"exec": words}
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(config))

    @property
    def asked(self) -> int:
        """How often it was."""
        return len((self._folder / "asked").read_text().splitlines())

    def gives(self, token: str) -> None:
        """From now on it gives that one; it cannot know how long that is good."""
        status = {"token": token, "expirationTimestamp": "2100-01-01T00:00:00Z"}
        answer = {"apiVersion": VERSION, "kind": "ExecCredential", "status": status}
        (self._folder / "answer").write_text(json.dumps(answer))


class Tokens:
    """Tokens of an account that has the rights of the manifest, each good for as long as a Secret is there."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._accounts = f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts"
        self._secrets = f"/api/v1/namespaces/{cluster.namespace}/secrets"
        cluster.ask("POST", self._accounts, {"metadata": {"name": "tfnz"}})

    def new(self, name: str) -> str:
        made = self._cluster.ask("POST", self._secrets, {"metadata": {"name": name}})
        bound = {"kind": "Secret", "apiVersion": "v1", "name": name, "uid": made["metadata"]["uid"]}
        wish = {"spec": {"boundObjectRef": bound}}
        answer = self._cluster.ask("POST", f"{self._accounts}/tfnz/token", wish)
        return str(answer["status"]["token"])

    def expire(self, name: str) -> None:
        """The server may know it for ten seconds more."""
        self._cluster.ask("DELETE", f"{self._secrets}/{name}")


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with namespace() as found:
        with found.applied(shipped.text("rights", namespace=found.namespace, account="tfnz")):
            yield found


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest_asyncio.fixture
async def api(plugin: Plugin, tmp_path: Path) -> AsyncIterator[Api]:
    found = Api(loader(tmp_path, kubeconfig=str(plugin.kubeconfig)))
    yield found
    await found.close()


async def test_a_plugin_is_asked_once_and_again_when_its_token_is_refused(
    cluster: Cluster, plugin: Plugin, api: Api
) -> None:
    tokens = Tokens(cluster)
    pods = f"/api/v1/namespaces/{cluster.namespace}/pods"
    plugin.gives(tokens.new("first"))
    for _ in range(3):
        assert (await api.items(pods))[0] == []
    assert plugin.asked == 1
    plugin.gives(tokens.new("second"))
    tokens.expire("first")

    async def renewed() -> bool:
        assert (await api.items(pods))[0] == []  # nobody sees the refusal
        return plugin.asked == 2

    await eventually_async(renewed, within=30)


async def test_a_plugin_that_has_nothing_better_is_asked_once_more_and_no_longer(
    cluster: Cluster, plugin: Plugin, api: Api
) -> None:
    plugin.gives("nonsense")
    with pytest.raises(Refused, match="does not know us"):
        await api.items(f"/api/v1/namespaces/{cluster.namespace}/pods")
    assert plugin.asked == 2


async def test_what_a_plugin_complains_of_is_told(plugin: Plugin, api: Api, tmp_path: Path) -> None:
    (tmp_path / "plugin").write_text("#!/bin/sh\necho log in first >&2; exit 1\n")
    with pytest.raises(UsageError, match="log in first"):
        await api.open()


async def test_a_plugin_that_is_not_installed_is_named(
    plugin: Plugin, api: Api, tmp_path: Path
) -> None:
    (tmp_path / "plugin").unlink()
    with pytest.raises(UsageError, match=f"{tmp_path}/plugin: No such file"):
        await api.open()
