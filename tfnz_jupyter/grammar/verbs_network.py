"""How containers are reached: tunnels, SSH, each other, and published names."""

from __future__ import annotations

from . import commands, values
from .slots import Argument, Option, Verb
from .verbs_containers import NAME

NETWORK = (
    Verb(
        "tunnel",
        commands.MakeTunnel,
        "a local port that leads to a port of a container",
        (NAME, Argument("port", "PORT", read=values.port)),
        (Option(("--local",), "local", "the local port; else a free one", "P", values.local_port),),
        example="tunnel web 80 --local 8080",
    ),
    Verb(
        "ssh",
        commands.Ssh,
        "an SSH and SFTP server for a container; prints the line that logs in",
        (NAME,),
        (Option(("--port",), "port", "the local port; else a free one", "P", values.local_port),),
        example="ssh web",
    ),
    Verb(
        "allow",
        commands.Allow,
        "let CLIENT connect to SERVER; containers reach each other only so",
        (
            Argument("server", "SERVER", kind="containers"),
            Argument("client", "CLIENT", kind="containers"),
        ),
        example="allow db web",
    ),
    Verb(
        "deny",
        commands.Deny,
        "take that back",
        (
            Argument("server", "SERVER", kind="containers"),
            Argument("client", "CLIENT", kind="containers"),
        ),
        example="deny db web",
    ),
    Verb(
        "publish",
        commands.Publish,
        "serve a name from containers, in turns; publishing it again replaces them",
        (
            Argument("fqdn", "FQDN", read=values.fqdn, kind="published"),
            Argument("backends", "NAME[:PORT]", "some", read=values.backend, kind="containers"),
        ),
        (
            Option(("--rewrite",), "rewrite", "the Host header that containers see", "HOST"),
            Option(
                ("--ssl",),
                "ssl",
                "https, with this certificate and key; without files, by the location's own authority",
                "CERT,KEY[,CHAIN]",
                values.certificate,
                implied="own",
            ),
        ),
        notes="PORT is one for all: 80 unless you say otherwise.",
        example="publish web.localhost web",
    ),
    Verb(
        "unpublish",
        commands.Unpublish,
        "serve a name no more",
        (Argument("fqdn", "FQDN", read=values.fqdn, kind="published"),),
        example="unpublish web.localhost",
    ),
)
