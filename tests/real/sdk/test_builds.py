"""Images from Dockerfiles: what comes of each instruction, what is not done again, and errors that name the line."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dockerfiles import BEFORE, built, folder, output
from tfnz_jupyter import (
    CommandFailed,
    EngineFailed,
    FileFailed,
    ImageNotFound,
    Location,
    NoSuchFile,
    NotFound,
    NotSupported,
    Refused,
    UsageError,
)
from tfnz_jupyter.sdk import trees


def test_an_image_runs_as_its_dockerfile_says(location: Location):
    built(
        location,
        """
        FROM busybox
        RUN echo alice:x:1234:1234::/:/bin/sh >>/etc/passwd && mkdir /data && chown alice /data
        ENV GREETING="good day" NAME=alice
        WORKDIR /srv/app
        USER alice
        RUN id -u > /data/who && pwd >> /data/who
        ENTRYPOINT ["sh", "-c", "cat /data/who; pwd; id -u; echo $GREETING $0"]
        CMD ["again"]
        """,
    )
    assert output(location, "app") == "1234\n/srv/app\n/srv/app\n1234\ngood day again\n"


def test_what_a_step_removes_is_gone_and_what_it_leaves_running_is_not_waited_for(
    location: Location,
):
    said = built(
        location,
        """FROM busybox
RUN mkdir /d && echo old >/d/a && echo old >/d/b && ln -s a /d/l && ln /d/a /d/h && mkfifo /d/p
RUN rm -r /d/b /d/p && mkdir /d/b && (sleep 1000 & echo $! >/d/left)
RUN rm -r /d && mkdir /d && echo new >/d/c; kill -0 $(cat /d/left 2>/dev/null) 2>/dev/null || echo none left
""",
    )
    assert said.endswith("none left\n")
    assert output(location, "app", "find /d; cat /d/c") == "/d\n/d/c\nnew\n"


def test_files_keep_what_they_are_between_steps(location: Location):
    listing = "cd /d && stat -c '%n %a %u %g %h %Y' * | sort"
    said = built(
        location,
        f"""FROM busybox
RUN mkdir -m 1777 /d && cd /d && echo x >a && ln a b && chown 12:34 a && chmod 4750 a && ln -s ../nowhere l && \\
  touch -d @1000000000 a
RUN {listing}
""",
    )
    kept = output(location, "app", listing)
    assert "a 4750 12 34 2 1000000000\n" in kept
    assert said.endswith(kept)


def test_steps_that_were_done_before_are_not_done_again(location: Location, tmp_path: Path):
    context = folder(tmp_path, one="1", two="2")
    text = "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/made\nCOPY one /\nRUN cat /one\nCOPY two /\nLABEL a=b\n"
    assert BEFORE not in built(location, text, "cached", context=context)
    again = built(location, text, "cached", context=context)
    assert again.count(BEFORE) == 4
    (context / "two").write_text("2.1")
    changed = built(location, text.replace("a=b", "a=c"), "cached", context=context)
    assert changed.count(BEFORE) == 3
    assert output(location, "cached", "cat /two") == "2.1"


def test_what_is_built_twice_alike_is_the_same_image(location: Location):
    text = "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/made\nENV A=1\n"
    built(location, text, "twin-a")
    first = location.ensure_image_uploaded("twin-a")
    built(location, text, "twin-b")
    assert location.ensure_image_uploaded("twin-b") == first
    built(location, text, "twin-b", cache=False)
    assert location.ensure_image_uploaded("twin-b") != first


def test_only_the_stages_that_are_needed_are_built(location: Location):
    text = """FROM busybox AS base
RUN echo base >/base
FROM base AS unwanted
RUN echo unwanted; false
FROM base AS made
RUN echo made >/made
FROM scratch AS last
COPY --from=made /made /from/made
COPY --from=0 /base /bin/busybox /from/
CMD ["/from/busybox", "cat", "/from/made", "/from/base"]
"""
    assert "unwanted" not in built(location, text)
    assert output(location, "app") == "made\nbase\n"
    built(location, text, "part", target="base")
    assert (
        output(location, "part", "cat /base; ls /made")
        == "base\nls: /made: No such file or directory\n"
    )


def test_a_context_comes_without_what_its_dockerignore_names(location: Location, tmp_path: Path):
    context = folder(
        tmp_path,
        _dot_dockerignore="*.log\nkeep/*\n!keep/this",
        a_dot_log="",
        b="",
        keep__this="",
        keep__that="",
    )
    built(location, "FROM busybox\nCOPY . /c/\n", context=context)
    assert output(location, "app", "cd /c && find . | sort") == "\n".join(
        [".", "./.dockerignore", "./b", "./keep", "./keep/this", ""]
    )


def test_copies_go_where_docker_puts_them(location: Location, tmp_path: Path):
    context = folder(tmp_path, a_dot_py="a", b_dot_py="b", d__e__f="f")
    (context / "b.py").chmod(0o750)
    (context / "d/link").symlink_to("e/f")
    built(
        location,
        """FROM busybox
WORKDIR /w
COPY a.py renamed
COPY a.py into/
COPY *.py d/e both/
COPY d tree
COPY --chown=12:34 --chmod=600 ["a.py", "owned/a b"]
COPY **/f deep/
""",
        context=context,
    )
    assert output(
        location, "app", "cd /w && find . ! -type d | sort; cat tree/link; stat -c '%a %u:%g' both/b.py owned/*"
    ).splitlines() == [
        "./both/a.py", "./both/b.py", "./both/f", "./deep/f", "./into/a.py", "./owned/a b", "./renamed",
        "./tree/e/f", "./tree/link", "f750 0:0", "600 12:34",
    ]  # fmt: skip


def test_a_link_in_an_image_or_a_context_leads_nowhere_else(location: Location, tmp_path: Path):
    context = folder(tmp_path, mine="mine")
    (context / "out").symlink_to("/etc/hostname")
    (context / "up").symlink_to("../../../../../etc/passwd")
    built(
        location,
        "FROM busybox\nRUN ln -s /etc /link && ln -s ../../../../tmp /up\nCOPY mine /link/mine\nCOPY mine /up/\n",
        context=context,
    )
    assert output(location, "app", "cat /etc/mine /tmp/mine; readlink /link") == "minemine/etc\n"
    with pytest.raises(NoSuchFile, match="line 2: COPY up /: there is no up"):
        built(location, "FROM busybox\nCOPY up /\n", context=context)
    assert not Path("/etc/mine").exists()


def test_texts_can_stand_in_the_dockerfile_itself(location: Location):
    said = built(
        location,
        """FROM busybox
ENV WHO=me
COPY <<ONE <<'TWO' /texts/
for $WHO
ONE
for $WHO
TWO
RUN <<EOF
set -e
cat /texts/ONE
cat /texts/TWO
EOF
RUN cat <<EOF | tr a-z A-Z
$WHO
EOF
RUN <<EOF
#!/bin/busybox ash
echo by $0
EOF
""",
    )
    assert [line for line in said.splitlines() if not line.startswith("[")] == [
        "for me", "for $WHO", "ME", "by ash",
    ]  # fmt: skip


def test_arguments_have_values_from_outside_and_defaults(location: Location):
    text = "ARG BASE=nothing\nFROM $BASE\nARG A=1\nARG B=${A}2\nARG TARGETOS\nRUN echo $A $B $TARGETOS\n"
    assert built(location, text, build_args={"BASE": "busybox", "A": "7"}).endswith("7 72 linux\n")
    said = built(location, text, build_args={"BASE": "busybox", "ODD": "1"})
    assert said.endswith("1 12 linux\nODD was given, and no ARG asks for it.\n")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (
            "FROM busybox\n\nRUN echo to see; exit 3",
            CommandFailed,
            r"line 3: RUN echo .* returned 3",
        ),
        ("FROM busybox\nRUN kill -9 $$", CommandFailed, r"line 2: .* killed by signal 9"),
        ('FROM busybox\nRUN ["/nope"]', EngineFailed, r"line 2: .*no such command '/nope'"),
        ("FROM busybox\nUSER nobody-such\nRUN id", UsageError, r"line 3: RUN id: no user"),
        (
            "FROM no-such-image\nCOPY a /b",
            UsageError,
            r"line 2: COPY a /b: this build has no context",
        ),
        (
            "FROM busybox\nCOPY --from=0x a b",
            ImageNotFound,
            "line 2: COPY --from=0x a b: no source",
        ),
        ("FROM no-such-image-anywhere\nRUN x", ImageNotFound, r"line 1: FROM no-such-image"),
        ("FROM busybox\nRUN --mount=type=cache x", UsageError, "line 2: RUN has no --mount"),
        ("FROM busybox\nADD http://x/y /", NotSupported, "line 2: ADD .* is not fetched here"),
        ("FROM busybox\nCOPY --from=busybox [z-a] /", UsageError, "line 2: .* is no pattern"),
        ("FROM busybox\nCOPY --from=busybox 'a /", UsageError, "line 2: .* is never closed"),
        ("FROM busybox\nENV A", UsageError, "line 2: ENV A: A has no value"),
        ("FROM --platform=linux/vax busybox", NotSupported, "line 1: linux/vax is not built"),
    ],
)
def test_what_goes_wrong_is_told_with_its_line(location: Location, text, error, words):
    with pytest.raises(error, match=f"Dockerfile {words}"):
        built(location, text)


def test_a_failed_command_shows_its_last_lines(location: Location):
    with pytest.raises(CommandFailed) as failed:
        built(location, "FROM busybox\nRUN seq 1 5000; echo oops; exit 1")
    assert failed.value.detail.splitlines()[-2:] == ["5000", "oops"]


def test_a_file_that_is_not_there_is_told_with_the_nearest(location: Location, tmp_path: Path):
    with pytest.raises(
        NoSuchFile, match=r"(?s)line 2: COPY ap.py /: there is no ap.py.*Did you mean app.py"
    ):
        built(location, "FROM busybox\nCOPY ap.py /", context=folder(tmp_path, app_dot_py=""))


def test_after_a_failure_what_was_done_is_not_done_again(location: Location):
    text = "FROM busybox\nRUN echo once >/once\nRUN exit {}\n"
    with pytest.raises(CommandFailed):
        built(location, text.format(1), "mended")
    assert built(location, text.format(0), "mended").count(BEFORE) == 1


def test_an_image_that_was_never_finished_is_forgotten_with_its_steps(location: Location):
    text = "FROM busybox\nRUN echo half >/half\nRUN exit {}\n"
    with pytest.raises(CommandFailed):
        built(location, text.format(1), "half")
    location.remove_image("half")
    assert BEFORE not in built(location, text.format(0), "half")


@pytest.mark.parametrize(("flag", "egress"), [("", "none"), ("--network=none ", "internet")])
def test_a_step_reaches_no_more_than_its_egress(location: Location, flag: str, egress: str):
    look = f"FROM busybox\nRUN {flag}nc -w 5 11.22.33.44 80 </dev/null 2>&1"
    with pytest.raises(CommandFailed) as failed:
        built(location, look, egress=egress, cache=False)
    assert "No route to host" in failed.value.detail


def test_a_step_has_no_more_memory_than_it_was_given(location: Location):
    with pytest.raises(CommandFailed, match="line 2"):
        built(location, "FROM busybox\nRUN tail /dev/zero", memory=32 << 20)


def test_a_context_that_cannot_be_read_is_an_error_and_not_waited_for(
    location: Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    readable = trees.record

    def record(name: bytes, path: bytes) -> Iterator[bytes]:
        if name == b"secret":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(path))
        return readable(name, path)

    monkeypatch.setattr(trees, "record", record)
    with pytest.raises(FileFailed, match="secret': permission denied"):
        built(location, "FROM busybox\nCOPY . /\n", context=folder(tmp_path, secret="x"))


def test_an_archive_is_not_unpacked_in_silence(location: Location, tmp_path: Path):
    (tmp_path / "a.tar").write_bytes(bytes(257) + b"ustar" + bytes(762))
    with pytest.raises(NotSupported, match=r"line 2: .*a\.tar is an archive"):
        built(location, "FROM busybox\nADD a.tar /", context=tmp_path)


def test_an_image_is_forgotten_unless_something_runs_of_it(location: Location):
    built(location, "FROM busybox\nRUN echo 1 >/one\n", "goes")
    container = location.node().spawn_container("goes", command="sleep 1000")
    container.wait_until_ready()
    with pytest.raises(Refused, match=f"image goes is in use by {container.name}"):
        location.remove_image("goes")
    container.destroy()
    location.remove_image("goes")
    assert "goes" not in location.images()
    assert BEFORE not in built(location, "FROM busybox\nRUN echo 1 >/one\n", "goes")
    with pytest.raises(NotFound, match="no image 'never-was'"):
        location.remove_image("never-was")


def test_the_newest_local_image_may_be_one_that_was_built_here(location: Location):
    built(location, "FROM busybox\nCMD echo newest\n", "newest")
    assert output(location, ".") == "newest\n"


def test_a_dockerfile_is_found_in_a_file_or_in_the_context(location: Location, tmp_path: Path):
    folder(
        tmp_path,
        Dockerfile="FROM busybox\nCMD echo context\n",
        other="FROM busybox\nCMD echo other\n",
    )
    assert location.build_image("filed", context=tmp_path) == "filed"
    assert output(location, "filed") == "context\n"
    location.build_image("filed", tmp_path / "other")
    assert output(location, "filed") == "other\n"
    with pytest.raises(NoSuchFile, match=r"Dockerfile .*nowhere"):
        location.build_image("filed", tmp_path / "nowhere")
    with pytest.raises(UsageError, match="there is no Dockerfile"):
        location.build_image("filed")
