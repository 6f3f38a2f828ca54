"""The grammar of %tf: what lines mean, what is refused in which words, what completes."""

from __future__ import annotations

import pytest

from tfnz_jupyter import grammar as g
from tfnz_jupyter.errors import UsageError

MEANINGS = {
    "": g.Dashboard(),
    "   # nothing": g.Dashboard(),
    "connect": g.Connect(),
    "connect embedded": g.Connect("embedded"),
    "disconnect": g.Disconnect(),
    "locations": g.Locations(),
    "doctor": g.Doctor(),
    "nodes": g.Nodes(),
    "ps": g.Ps(),
    "ps  # mine": g.Ps(),
    "logs web": g.Logs("web"),
    "logs -f web": g.Logs("web", follow=True),
    "logs web -n 20": g.Logs("web", tail=20),
    "logs --tail=20 --follow web": g.Logs("web", follow=True, tail=20),
    "exec web ls -l /": g.Exec("web", ("ls", "-l", "/")),
    "tunnel web 80": g.MakeTunnel("web", 80),
    "tunnel web 80 --local 8080": g.MakeTunnel("web", 80, 8080),
    "rm web db": g.Remove(("web", "db")),
    "stop web": g.Remove(("web",), called="stop"),
    "help": g.Help(),
    "-h": g.Help(),
    "help spawn": g.Help("spawn"),
    "spawn -h": g.Help("spawn"),
    "exec --help": g.Help("exec"),
    "spawn nginx": g.Spawn("nginx"),
    "spawn --rm nginx": g.Spawn("nginx"),
    "spawn --name web nginx": g.Spawn("nginx", name="web"),
    "spawn -p 80 -p 8080:80 -p0:81 nginx": g.Spawn(
        "nginx", ports=(g.Port(80), g.Port(80, 8080), g.Port(81))
    ),
    "spawn -m 512m --cpus 0.5 x": g.Spawn("x", memory=512 << 20, cpus=0.5),
    "spawn --memory=1.5g x": g.Spawn("x", memory=3 << 29),
    "spawn -e A=1 -e B= -e C x": g.Spawn("x", env=(("A", "1"), ("B", ""), ("C", None))),
    "spawn -w /srv -f a:b:/etc/x x": g.Spawn("x", workdir="/srv", files=(("a:b", "/etc/x"),)),
    "spawn --node n --wait ready x": g.Spawn("x", node="n", wait=g.Wait("ready")),
    "spawn --wait tcp:80 x": g.Spawn("x", wait=g.Wait("tcp", port=80)),
    "spawn --wait http:80 x": g.Spawn("x", wait=g.Wait("http", port=80)),
    "spawn --wait http:80/a/b x": g.Spawn("x", wait=g.Wait("http", port=80, path="a/b")),
    "spawn --wait 'log:ready .*' x": g.Spawn("x", wait=g.Wait("log", pattern="ready .*")),
    "spawn x sh -c 'echo a b'": g.Spawn("x", command=("sh", "-c", "echo a b")),
    "spawn nginx --name web -p 8080:80": g.Spawn("nginx", name="web", ports=(g.Port(80, 8080),)),
    "spawn x --name y ls -l --name z": g.Spawn("x", name="y", command=("ls", "-l", "--name", "z")),
    "spawn x -- -c a": g.Spawn("x", command=("-c", "a")),
    "exec web -h": g.Help("exec"),
    "exec web ls -h": g.Exec("web", ("ls", "-h")),
    "spawn -- x": g.Spawn("x"),
    "spawn -v data:/srv -v logs:/var/log x": g.Spawn(
        "x", volumes=(("data", "/srv"), ("logs", "/var/log"))
    ),
    "spawn --tag db --sleep x": g.Spawn("x", tag="db", sleep=True),
    "spawn --pids 9 --disk 1g x": g.Spawn("x", pids=9, disk=1 << 30),
    "spawn --egress none x": g.Spawn("x", egress="none"),
    "spawn --egress 10.1.0.0/16,8.8.8.8 x": g.Spawn("x", egress=("10.1.0.0/16", "8.8.8.8/32")),
    "spawn --ssh x": g.Spawn("x", ssh=0),
    "spawn --ssh=2222 x": g.Spawn("x", ssh=2222),
    "spawn --publish Web.localhost x": g.Spawn("x", published=(("web.localhost", None),)),
    "spawn --publish app.localhost:8000 x": g.Spawn("x", published=(("app.localhost", 8000),)),
    "connect lab --ip 127.0.0.1": g.Connect("lab", "127.0.0.1"),
    "connect docker --host ssh://a --host=unix:///b --allow-host-rules": g.Connect(
        "docker",
        options=(("host", "ssh://a"), ("host", "unix:///b"), ("allow_host_rules", "yes")),
    ),
    "connect kubernetes --context c": g.Connect("kubernetes", options=(("context", "c"),)),
    "shell db": g.Shell("db"),
    "shell db psql -U me": g.Shell("db", ("psql", "-U", "me")),
    "start db": g.Start("db"),
    "reboot db": g.Reboot("db"),
    "reboot db --reset": g.Reboot("db", reset=True),
    "put web a.html /srv/": g.Put("web", "a.html", "/srv/"),
    "get web /etc/hosts": g.Get("web", "/etc/hosts"),
    "get web /etc/hosts here": g.Get("web", "/etc/hosts", "here"),
    "ssh web --port 2222": g.Ssh("web", 2222),
    "allow db web": g.Allow("db", "web"),
    "deny db web": g.Deny("db", "web"),
    "publish web.localhost a b:8080": g.Publish(
        "web.localhost", (g.Backend("a"), g.Backend("b", 8080))
    ),
    "publish w.x a --ssl --rewrite h": g.Publish("w.x", (g.Backend("a"),), "h", ()),
    "publish w.x a --ssl=c.pem,k.pem": g.Publish(
        "w.x", (g.Backend("a"),), None, ("c.pem", "k.pem")
    ),
    "unpublish web.localhost": g.Unpublish("web.localhost"),
    "volume ls": g.VolumeList(),
    "volume create data": g.VolumeCreate("data"),
    "volume rm a b": g.VolumeRemove(("a", "b")),
    "volume snapshot data": g.VolumeSnapshot("data"),
    "volume rollback data": g.VolumeRollback("data"),
    "volume rollback data before": g.VolumeRollback("data", "before"),
    "volume rollback -h": g.Help("volume rollback"),
    "volume -h": g.Help("volume"),
    "help volume create": g.Help("volume create"),
    "spawn -it busybox sh": g.Spawn("busybox", ("sh",), terminal=True),
    "spawn --tty -i busybox": g.Spawn("busybox", terminal=True, interactive=True),
    "image ls": g.ImageList(),
    "image pull nginx": g.ImagePull("nginx"),
    "image rm app base:1": g.ImageRemove(("app", "base:1")),
    "build app": g.Build("app"),
    "build app -f Dockerfile.dev --context src --no-cache -m 2g": g.Build(
        "app", context="src", file="Dockerfile.dev", no_cache=True, memory=2 << 30
    ),
    "build app --build-arg V=1 --build-arg HOME --target one --egress none": g.Build(
        "app", arguments=(("V", "1"), ("HOME", None)), target="one", egress="none"
    ),
}

REFUSALS = {
    "spwan nginx": ("%tf has no 'spwan'.", "%tf spawn"),
    "frobnicate": ("%tf has no 'frobnicate'.", "%tf help"),
    "spawn": ("%tf spawn needs an IMAGE.", "spawn nginx"),
    "spawn --nmae web nginx": ("%tf spawn has no --nmae.", "--name"),
    "build": ("%tf build needs a TAG.", "build app"),
    "build .": ("%tf build '.': first comes the image's name", ""),
    "build -t app .": ("%tf build has no -t.", "the name is the first word"),
    "rmi app": ("%tf has no 'rmi'.", "%tf image rm"),
    "image rn app": ("%tf image has no 'rn'.", ""),
    "spawn -d nginx": ("%tf spawn has no -d.", "leave it out"),
    "exec -it busybox sh": ("%tf exec has no -it.", "shell NAME opens a terminal"),
    "spawn -v /a:/b nginx": ("folders of this machine are not mounted", ""),
    "spawn -v data:b nginx": ("it is VOLUME:PATH", ""),
    "spawn --mount x nginx": ("%tf spawn has no --mount.", "-v VOLUME:PATH"),
    "spawn --publish 80:80 nginx": ("it is a host name", ""),
    "spawn --egress some nginx": ("it is internet, none, all, or networks", ""),
    "publish a_b web": ("it is a host name", ""),
    "publish web.localhost": ("%tf publish needs a NAME[:PORT].", "publish web.localhost web"),
    "publish web.localhost :80": ("it is NAME[:PORT]", ""),
    "publish a.b web --ssl=c": ("it is CERT,KEY", ""),
    "volume": ("%tf volume needs one of: ls", "%tf volume ls"),
    "volume sanpshot data": ("%tf volume has no 'sanpshot'.", "%tf volume snapshot"),
    "volume snapshot": ("%tf volume snapshot needs a VOLUME.", "%tf volume snapshot data"),
    "volum ls": ("%tf has no 'volum'.", "%tf volume"),
    "get web etc": ("it is an absolute path", ""),
    "spawn -p http nginx": ("%tf spawn -p 'http': a port is a number", ""),
    "spawn -p 127.0.0.1:80:80 nginx": ("always listens on 127.0.0.1", ""),
    "spawn -p 0 nginx": ("a port is a number from 1 to 65535", ""),
    "spawn -m much nginx": ("a size is a number with k, m or g", ""),
    "spawn --cpus 0 nginx": ("it is a number above 0", ""),
    "spawn -e 1=2 nginx": ("it is NAME=VALUE", ""),
    "spawn -f x nginx": ("it is SRC:DEST", ""),
    "spawn -w srv nginx": ("an absolute path", ""),
    "spawn --wait soon nginx": ("it is ready, tcp:PORT", ""),
    "spawn --wait 'log:(' nginx": ("does not read", ""),
    "spawn --rm=yes nginx": ("--rm takes no value", ""),
    "spawn --name a --name b nginx": ("only once", ""),
    "spawn --name": ("--name needs a value", ""),
    "logs": ("%tf logs needs a NAME.", "%tf logs web"),
    "logs web extra": ("%tf logs has no place for 'extra'.", "%tf logs -h"),
    "logs web -n few": ("it is a whole number", ""),
    "exec web": ("%tf exec needs a COMMAND.", "exec web"),
    "rm": ("%tf rm needs a NAME.", "rm web"),
    "ps 'all": ("a quote that is never closed", ""),
}


@pytest.mark.parametrize("line", MEANINGS)
def test_a_line_means(line):
    assert g.parse(line) == MEANINGS[line]


@pytest.mark.parametrize("line", REFUSALS)
def test_what_has_no_meaning_is_refused_with_the_nearest_right_word(line):
    with pytest.raises(UsageError) as refusal:
        g.parse(line)
    words, hint = REFUSALS[line]
    assert words in refusal.value.message
    assert hint.lower() in refusal.value.hint.lower()
    assert "\n" not in refusal.value.message


def test_words_that_a_shell_has_split_mean_the_same():
    assert g.parse(["exec", "web", "sh", "-c", "echo 'a  b'"], prog="tfnz") == g.Exec(
        "web", ("sh", "-c", "echo 'a  b'")
    )


def test_names_expand_only_where_they_are_known_and_ours():
    known = {"image": "nginx:1", "n": "7", "x": "X"}.get
    assert g.parse("logs web -n {n}", lookup=known) == g.Logs("web", tail=7)
    command = g.parse("spawn -e A=$x -e B=${x}y -e C=$nope $image awk '{x}' $x {x}", lookup=known)
    assert command == g.Spawn(
        "nginx:1",
        command=("awk", "{x}", "$x", "{x}"),
        env=(("A", "X"), ("B", "Xy"), ("C", "$nope")),
    )


def test_single_quotes_and_backslashes_keep_a_name_as_it_is():
    known = {"x": "X"}.get
    line = r"""spawn -e A='$x' -e B="$x y" -e C=\$x -e D="\$x" i"""
    assert dict(g.parse(line, lookup=known).env) == {"A": "$x", "B": "X y", "C": "$x", "D": "$x"}


NAMES = g.CompletionNames(
    containers=("db", "web"),
    images=("nginx", "python"),
    nodes=("node-a",),
    locations=("embedded",),
    volumes=("data",),
    published=("web.localhost",),
)

COMPLETIONS = {
    "sp": ["spawn"],
    "l": ["logs", "locations"],
    "logs ": ["db", "web"],
    "logs w": ["web"],
    "logs -f ": ["db", "web"],
    "logs -n 3 w": ["web"],
    "logs web ": [],
    "rm web ": ["db"],
    "spawn ": ["nginx", "python"],
    "spawn --na": ["--name"],
    "spawn --name ": [],
    "spawn --name a n": ["nginx"],
    "spawn --node ": ["node-a"],
    "spawn --node=": ["node-a"],
    "spawn --wait t": ["tcp:"],
    "spawn nginx ": [],
    "spawn nginx --na": ["--name"],
    "spawn nginx ls --na": [],
    "exec web ls -": [],
    "connect ": ["embedded"],
    "help sp": ["spawn"],
    "nonsense ": [],
    "vol": ["volume"],
    "volume s": ["snapshot"],
    "volume snapshot ": ["data"],
    "spawn -v d": ["data"],
    "spawn --ssh n": ["nginx"],
    "allow db ": ["web"],
    "unpublish ": ["web.localhost"],
    "ps -": [],
}


@pytest.mark.parametrize("line", COMPLETIONS)
def test_what_completes(line):
    assert [found.text for found in g.complete(line, len(line), NAMES)] == COMPLETIONS[line]


def test_a_completion_replaces_what_was_typed_of_the_word():
    (found,) = g.complete("spawn --node=no", 15, NAMES)
    assert (found.text, found.start) == ("node-a", 13)


def test_an_option_given_is_not_offered_again_unless_it_repeats():
    offered = [found.text for found in g.complete("spawn --name a -e A=1 -", 23, NAMES)]
    assert "--name" not in offered
    assert "--env" in offered


def test_paths_are_left_to_who_knows_the_files():
    (found,) = g.complete("spawn -f ./a", 12, NAMES)
    assert (found.kind, found.start) == ("path", 9)


def test_paths_in_a_container_are_left_to_who_knows_the_container():
    (found,) = g.complete("put web a.txt /e", 16, NAMES)
    assert (found.kind, found.start, found.about) == ("inside", 14, "web")


@pytest.mark.parametrize("verb", g.VERBS, ids=lambda verb: verb.name)
def test_help_tells_every_option_and_example_and_the_example_is_right(verb):
    text = g.describe(verb.name)
    assert all(flag in text for option in verb.options for flag in option.flags)
    assert verb.summary in g.overview()
    if verb.example:
        g.parse(verb.example)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("run", "%tf spawn"),
        ("kill", "%tf rm"),
        ("top", "%tf exec NAME ps"),
        ("inspect", "%tf ps"),
        ("stpo", "%tf stop"),
        ("cp", "%tf put NAME SRC DEST"),
        ("images", "%tf image ls"),
        ("restart", "%tf reboot"),
    ],
)
def test_a_word_of_dockers_leads_to_ours_and_none_to_destruction(word, hint):
    with pytest.raises(UsageError) as problem:
        g.parse(word)
    assert hint in problem.value.hint
    assert "disconnect" not in problem.value.hint


def test_help_about_nothing_names_the_nearest():
    with pytest.raises(UsageError, match="spwan") as refusal:
        g.describe("spwan")
    assert "spawn" in refusal.value.hint


CELLS = {
    "exec web": g.Script("web", (), "text"),
    "exec web python3 -": g.Script("web", ("python3", "-"), "text"),
    "put web /etc/motd": g.PutText("web", "/etc/motd", "text"),
    "spawn nginx -f -:/a --name web": g.Spawn(
        "nginx", name="web", files=(("-", "/a"),), body="text"
    ),
    "build app --context src": g.Build("app", context="src", body="text"),
    "exec -h": g.Help("exec"),
}


@pytest.mark.parametrize("line", CELLS)
def test_a_cell_means(line):
    assert g.parse_cell(line, "text") == CELLS[line]


@pytest.mark.parametrize(
    ("line", "body", "words", "hint"),
    [
        ("", "text", "%%tf takes a cell for: exec, put, build, spawn.", ""),
        ("logs web", "text", "%%tf logs takes no cell.", "%tf logs"),
        ("volume ls", "text", "%%tf volume takes no cell.", "%tf volume"),
        ("exce web", "text", "%%tf has no 'exce'.", "%%tf exec"),
        ("build app -f x", "FROM a", "%%tf build has no -f.", ""),
        ("exec web", "  \n", "%%tf exec: the cell is empty.", ""),
        ("put web etc", "text", "it is an absolute path", ""),
        ("spawn nginx", "text", "does not say what the cell is", "-f -:PATH"),
    ],
)
def test_a_cell_without_meaning_is_refused_with_the_nearest_right_word(line, body, words, hint):
    with pytest.raises(UsageError) as refusal:
        g.parse_cell(line, body)
    assert words in refusal.value.message
    assert hint in refusal.value.hint


def test_a_line_has_no_cell_to_make_a_file_of():
    with pytest.raises(UsageError, match="makes a cell the file"):
        g.parse("spawn nginx -f -:/a")


CELL_VERBS = ["exec", "put", "build", "spawn"]


def test_after_the_two_signs_only_what_takes_a_cell_completes():
    assert [found.text for found in g.complete("", 0, NAMES, cell=True)] == CELL_VERBS
    assert [found.text for found in g.complete("exec ", 5, NAMES, cell=True)] == ["db", "web"]


def test_help_about_a_verb_tells_its_cell_too_but_not_in_a_shell():
    assert "%%tf exec" in g.describe("exec")
    assert "%%tf" not in g.describe("exec", "tfnz") + g.overview("tfnz")
