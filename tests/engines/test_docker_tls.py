"""Docker over TCP, with certificates of both sides: a wrong one of any kind is told as what it is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker_bench
from tests.support.bench import outputs
from tests.support.docker_bench import Bench, Dockerd, folder
from tfnz_jupyter.errors import EngineFailed, UsageError

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason=docker_bench.LACKING),
]
_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def authority(place: Path) -> Path:
    """A folder with an authority of its own."""
    place.mkdir()
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", f"{place}/ca-key.pem", "-out", f"{place}/ca.pem", "-subj", f"/CN={place.name}")  # fmt: skip
    return place


def signed(place: Path, by: Path, *, days: int = 2) -> Path:
    """A folder with a key, the certificate that an authority gave for it, and that of the authority itself."""
    place.mkdir()
    shutil.copy(by / "ca.pem", place)
    _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", f"{place}/key.pem", "-out", f"{place}/request", "-subj", "/CN=it")  # fmt: skip
    (place / "names").write_text(_NAMES)
    _openssl("x509", "-req", "-in", f"{place}/request", "-CA", f"{by}/ca.pem", "-CAkey",
             f"{by}/ca-key.pem", "-CAcreateserial", "-days", str(days), "-extfile",
             f"{place}/names", "-out", f"{place}/cert.pem")  # fmt: skip
    return place


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders: ``server``, ``late`` (expired), ``client``, and ``stranger``, who trusts and is trusted by another authority."""
    place = tmp_path_factory.mktemp("keys")
    ours, theirs = authority(place / "ours"), authority(place / "theirs")
    for name in ("server", "client"):
        signed(place / name, ours)
    signed(place / "late", ours, days=-1)
    signed(place / "stranger", theirs)
    shutil.copytree(place / "stranger", place / "unknown")
    shutil.copy(ours / "ca.pem", place / "unknown")
    return place


def listening(docker: Dockerd, folder: Path, port: int = 2376) -> Dockerd:
    """Have it listen on a port with the certificate in a folder; as its clients see it."""
    docker.start(
        f"--host=tcp://127.0.0.1:{port}", "--tlsverify", f"--tlscacert={folder}/ca.pem",
        f"--tlscert={folder}/cert.pem", f"--tlskey={folder}/key.pem",
    )  # fmt: skip
    seen = Dockerd(docker.folder)
    seen.url = f"tcp://127.0.0.1:{port}" if port != 2376 else "tcp://127.0.0.1"
    return seen


@pytest.fixture(scope="module")
def docker(keys: Path) -> Iterator[Dockerd]:
    """One that listens to who has a certificate of our authority's."""
    with docker_bench.apart(), docker_bench.dockerd() as started:
        started.stop()
        yield listening(started, keys / "server")


async def refused(docker: Dockerd, *certs: Path) -> EngineFailed:
    """What is said to a location with these certificates."""
    with folder() as place, pytest.raises(EngineFailed) as caught:
        await Bench(place, docker, **({"certs": tuple(map(str, certs))} if certs else {})).open()
    return caught.value


async def test_containers_run_there_and_talk_over_it(docker: Dockerd, keys: Path):
    with folder() as place:
        async with docker_bench.bench(place, docker, certs=(str(keys / "client"),)) as bench:
            _, process = await bench.boot("read word; echo got $word; echo bad >&2")
            await process.write(b"this\n")
            assert await outputs(process) == ("got this\n", "bad\n")
            assert (await process.wait()).code == 0


async def test_who_speaks_no_tls_is_told_to(docker: Dockerd):
    docker.url = "tcp://127.0.0.1:2376"
    error = await refused(docker)
    assert "speaks TLS alone" in error.message
    assert "--certs" in error.hint


async def test_a_host_whom_nobody_vouches_for_is_not_talked_to(docker: Dockerd, keys: Path):
    assert "nobody in ca.pem" in (await refused(docker, keys / "stranger")).message


async def test_a_certificate_that_the_host_does_not_take_is_told(docker: Dockerd, keys: Path):
    assert "cert.pem" in (await refused(docker, keys / "unknown")).message


async def test_a_folder_that_lacks_something_or_has_what_does_not_belong_together_is_named(
    docker: Dockerd, keys: Path, tmp_path: Path
):
    with pytest.raises(UsageError, match=r"ca\.pem, cert\.pem and key\.pem"):
        await refused(docker, tmp_path)
    shutil.copytree(keys / "client", tmp_path / "mixed")
    shutil.copy(keys / "server/key.pem", tmp_path / "mixed")
    with pytest.raises(UsageError, match="--certs"):
        await refused(docker, tmp_path / "mixed")


async def test_a_host_that_speaks_no_tls_is_told_from_one_that_does(keys: Path):
    with docker_bench.dockerd("--host=tcp://127.0.0.1:2375") as plain:
        plain.url = "tcp://127.0.0.1:2375"
        error = await refused(plain, keys / "client")
    assert "does not speak TLS" in error.message
    assert "--certs" in error.hint
    with docker_bench.dockerd() as late:
        late.stop()
        error = await refused(listening(late, keys / "late", 2377), keys / "client")
    assert "expired" in error.message
