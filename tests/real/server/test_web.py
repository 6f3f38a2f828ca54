"""What is published at a location that serves others: under its domains, one owner a name, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.served import serving, tfnz
from tests.support.web import get, site
from tfnz_jupyter import Cluster, Location, Refused, UsageError
from tfnz_jupyter.folders import config_folder
from tfnz_jupyter.keyring import Keyring

NAME = "web.lab.test"


def test_a_domain_of_the_locations_is_everybodys_and_a_name_its_first_publishers(
    images: Path,
) -> None:
    Keyring(config_folder()).set_default("embedded")  # whoever joins elsewhere
    with serving(images, "--domain", "Lab.test") as served:
        served.join("ann")
        served.join("bob")
        with Location(location="ann") as hers, Location(location="bob") as his:
            endpoint = hers.endpoint_for(NAME)
            assert (endpoint.domain, list(hers.endpoints)) == (
                "lab.test",
                ["lab.test", "localhost"],
            )
            endpoint.publish(Cluster(containers=[site(hers.node(), "hers")]), NAME)
            assert get(endpoint.url(NAME)).body == "hers"
            with pytest.raises(Refused, match="taken"):
                his.endpoint_for(NAME).publish(Cluster(), NAME)
            assert his.endpoint_for(NAME).names == []
            assert his.authority() == hers.authority()
            with pytest.raises(UsageError, match=r"offers: lab\.test, localhost"):
                his.endpoint_for("web.notlab.test")


def test_what_cannot_be_a_domain_is_refused_to_the_operator(tmp_path: Path) -> None:
    said = tfnz(tmp_path, "serve", "--domain", "a b", code=2)
    assert "'a b' cannot be the name of a host" in said
