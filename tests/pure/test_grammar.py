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
}

REFUSALS = {
    "spwan nginx": ("%tf has no 'spwan'.", "%tf spawn"),
    "frobnicate": ("%tf has no 'frobnicate'.", "%tf help"),
    "spawn": ("%tf spawn needs an IMAGE.", "spawn nginx"),
    "spawn --nmae web nginx": ("%tf spawn has no --nmae.", "--name"),
    "spawn -d nginx": ("%tf spawn has no -d.", "leave it out"),
    "spawn -it busybox": ("%tf spawn has no -it.", "no terminal"),
    "spawn -v /a:/b nginx": ("%tf spawn has no -v.", "-f SRC:DEST"),
    "spawn --publish 80:80 nginx": ("%tf spawn has no --publish.", "-p [LOCAL:]PORT"),
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
    containers=("db", "web"), images=("nginx", "python"), nodes=("node-a",), locations=("embedded",)
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
        ("cp", "%tf help"),
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
