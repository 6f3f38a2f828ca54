"""``%%tf build``: an image from a cell, with a bar, a live log, and an interrupt that ends it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tests.real.conftest import traces
from tests.support.dockerfiles import folder
from tests.support.eventually import eventually
from tests.support.kernel import Kernel, Message


def test_a_dockerfile_in_a_cell_becomes_an_image(kernel: Kernel):
    ran = kernel.ok(
        "%%tf build mine --build-arg WHO=me\nFROM busybox\nARG WHO\nRUN echo built by $WHO\nCMD echo I run\n"
    )
    assert "[3/4] RUN echo built by $WHO\nbuilt by me\n[4/4] CMD echo I run\n" in ran.text
    assert "mine is built, in " in ran.text
    ran = kernel.ok("c = %tf spawn mine\nc.wait_exit(timeout=60)\nprint(c.logs().decode())")
    assert "I run\n" in ran.text


def test_a_bar_moves_with_the_steps_and_is_gone_at_the_end(kernel: Kernel):
    ran = kernel.ok("%%tf build slow --no-cache\nFROM busybox\nRUN sleep 0.5\nRUN sleep 0.5\n")
    (first,) = [data["text/plain"] for data in ran.shown]
    later = [content["data"]["text/plain"] for content in ran.of("update_display_data")]
    assert first.startswith("Building slow: ")
    assert any("RUN sleep 0.5" in line for line in [first, *later])
    assert later[-1] == ""


def test_an_error_points_at_the_line_and_shows_what_was_printed_last(kernel: Kernel):
    ran = kernel.run("%%tf build broken\nFROM busybox\nRUN echo oh no; exit 3\n")
    assert ran.error["evalue"].startswith(
        "Dockerfile line 2: RUN echo oh no; exit 3: the command returned 3"
    )
    assert "oh no" in "\n".join(ran.error["traceback"])
    assert not any("tfnz_jupyter/" in line for line in ran.error["traceback"])


def test_what_a_step_prints_is_text_and_nothing_more(kernel: Kernel):
    ran = kernel.ok(
        "%%tf build loud --no-cache\nFROM busybox\nRUN printf '\\033[31mred\\033[0m\\033[2J\\033]0;t\\007<b>\\n'\n"
    )
    assert "\033[31mred\033[0m<b>\n" in ran.text


def test_an_interrupt_ends_the_build_at_once_and_leaves_nothing(kernel: Kernel):
    def interrupt(message: Message) -> None:
        if "it runs" in message["content"].get("text", ""):
            times.append(time.monotonic())
            threading.Timer(0, kernel.manager.interrupt_kernel).start()

    times: list[float] = []
    ran = kernel.run(
        "%%tf build never --no-cache\nFROM busybox\nRUN echo it runs; sleep 3600\n",
        meanwhile=interrupt,
    )
    assert time.monotonic() - times[-1] < 2
    assert ran.error["evalue"] == "the build of never was ended"
    eventually(lambda: not any("sleep 3600" in one for one in traces()["processes"]), within=10)
    kernel.ok("%%tf build after\nFROM busybox\nRUN true\n")


def test_a_folder_is_the_context_of_a_cell(kernel: Kernel, tmp_path: Path):
    folder(tmp_path, note="from here")
    ran = kernel.ok(
        f"%%tf build copied --no-cache --context {tmp_path}\nFROM busybox\nCOPY note /\nRUN cat /note\n"
    )
    assert "from here" in ran.text


def test_images_are_listed_and_forgotten(kernel: Kernel):
    kernel.ok("%%tf build brief\nFROM busybox\nRUN echo 1 >/1\n")
    assert "brief" in kernel.ok("%tf image ls").text
    assert "brief is forgotten" in kernel.ok("%tf image rm brief").text
    assert "brief" not in kernel.ok("%tf image ls").text
    assert kernel.run("%tf image rm brief").error["ename"] == "ImageNotFound"


def test_large_files_have_a_bar_on_their_way(kernel: Kernel, tmp_path: Path):
    kernel.ok("%tf spawn --name store busybox sleep 1000\nstore.wait_until_ready()")
    (tmp_path / "large").write_bytes(bytes(400 << 20))
    ran = kernel.ok(f"%tf put store {tmp_path}/large /large\n%tf get store /large {tmp_path}/again")
    shown = [*(data["text/plain"] for data in ran.shown)]
    shown += [content["data"]["text/plain"] for content in ran.of("update_display_data")]
    assert any("large to store: " in line and "of 400.0 MiB" in line for line in shown)
    assert (tmp_path / "again").stat().st_size == 400 << 20
    kernel.ok("store.destroy()")
