"""Docker and Podman as engines: any number of hosts, each a node, driven through the Docker Engine API.

What can be done through the API alone is done on every host: containers and their streams, terminals, exit codes, volumes with
snapshots, statistics, images, signals. The rest needs this machine to be the host: files, and what builds need of them, are
reached through ``/proc/<pid>/root``, openings and egress are firewall rules. Where the host is another machine, those raise
``NotSupported`` and say so, and the default, refusal, stays.

Docker tells of a signal as the code 128 + n; so that is what such a code is taken for.
"""

from .engine import DockerEngine as DockerEngine
