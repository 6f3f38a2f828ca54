"""%tf in a real kernel, on real containers: what a cell returns, prints, shows and raises."""

from __future__ import annotations

import re
import time

import pytest

FOREVER = "sh -c 'echo up; sleep 1000'"


def place(bundle) -> str:
    """Where in a page the widget of this output stands; empty if it is not live."""
    assert set(bundle) == {"text/html", "text/plain"}
    return "".join(re.findall("tf-at-([0-9a-f]+)", bundle["text/html"]))


def frozen(kernel, ran=None, within=20):
    """The bundle that replaces something live when it is over; before it come those of its changes."""
    updates = ran.of("update_display_data") if ran else []
    while not (over := [one["data"] for one in updates if not place(one["data"])]):
        updates = [kernel.published("update_display_data", within)["content"]]
    return over[0]


def interrupting(kernel):
    """Interrupts the kernel, once, when the cell prints."""
    done: list[object] = []

    def interrupt(message):
        if message["msg_type"] == "stream" and not done:
            done.append(message)
            kernel.manager.interrupt_kernel()

    return interrupt


def test_spawn_shows_one_card_and_binds_its_name(kernel):
    ran = kernel.ok(f"%tf spawn busybox --name one {FOREVER}")
    (bundle,) = ran.shown
    assert place(bundle)
    assert "one" in bundle["text/plain"]
    assert kernel.ok("one.wait_until_ready().name").shown[0]["text/plain"] == "'one'"


def test_an_assigned_spawn_shows_one_card_even_if_the_name_stands_last(kernel):
    ran = kernel.ok(f"x = %tf spawn busybox --name two {FOREVER}\nx")
    assert len(ran.shown) == 1
    assert place(kernel.ok("x").shown[0])


def test_a_container_that_is_shown_again_is_the_same_widget(kernel):
    first = place(kernel.ok(f"%tf spawn busybox --name twice {FOREVER}").shown[0])
    assert place(kernel.ok("twice").shown[0]) == first


def test_spawning_the_same_name_destroys_the_old_one_and_says_so(kernel):
    kernel.ok(f"%tf spawn busybox --name again {FOREVER}\nold = again")
    ran = kernel.ok(f"%tf spawn busybox --name again {FOREVER}")
    assert "again was running: it was destroyed first." in ran.text
    assert kernel.ok("print(old.dead, again.dead, old is again)").text == "True False False\n"


def test_a_name_that_means_something_to_python_is_not_bound(kernel):
    ran = kernel.ok(f"%tf spawn busybox --name list {FOREVER}")
    assert "No variable was made" in ran.text
    assert kernel.ok("print(list((1,)))").text == "[1]\n"


def test_options_reach_the_container(kernel, tmp_path):
    (tmp_path / "greeting").write_text("hello")
    kernel.ok(f"source, greeting = {str(tmp_path / 'greeting')!r}, 'hi there'")
    kernel.ok(
        "%tf spawn --name opts -e A=$greeting -e B=2 -w /srv -m 64m --cpus 0.5 --wait log:done"
        " -f {source}:/etc/greeting busybox sh -c 'echo $A-$B; pwd; cat /etc/greeting; echo; echo done; sleep 1000'"
    )
    assert kernel.ok("%tf logs opts").text == "hi there-2\n/srv\nhello\ndone\n"
    assert (
        kernel.ok("print(opts.limits['memory'], opts.limits['cpus'])").text == f"{64 << 20} 0.5\n"
    )


def test_nothing_in_a_command_expands(kernel):
    kernel.ok("HOME = x = 'wrong'")
    kernel.ok(f"%tf spawn busybox --name raw --wait ready {FOREVER}")
    ran = kernel.ok("%tf exec raw sh -c 'echo $0 {x} | tr a-z A-Z' $x")
    assert ran.text == "$X {X}\n"


def test_a_port_is_a_tunnel_and_a_taken_port_is_told_before_anything_starts(kernel):
    kernel.ok("%tf spawn nginx --name site -p 80 --wait http:80")
    ran = kernel.ok(
        "import urllib.request as u; p = site.tunnels[0].localport(); u.urlopen(site.tunnels[0].url).status"
    )
    assert ran.shown[0]["text/plain"] == "200"
    refused = kernel.run("%tf spawn nginx --name other -p {p}:80")
    assert refused.error["ename"] == "Refused"
    assert "in use" in refused.error["evalue"]
    assert kernel.run("other").error["ename"] == "NameError"


def test_exec_prints_both_outputs_while_it_runs(kernel):
    kernel.ok(f"%tf spawn busybox --name talk --wait ready {FOREVER}")
    seen: list[tuple[float, str, str]] = []

    def note(message):
        if message["msg_type"] == "stream":
            seen.append((time.monotonic(), message["content"]["name"], message["content"]["text"]))

    kernel.run("%tf exec talk sh -c 'echo one; echo two >&2; sleep 1; echo three'", meanwhile=note)
    assert {("stdout", "one\n"), ("stderr", "two\n"), ("stdout", "three\n")} == {
        s[1:] for s in seen
    }
    assert seen[-1][0] - seen[0][0] > 0.5


def test_a_failing_command_is_a_real_error_with_its_last_lines_and_none_of_our_frames(kernel):
    kernel.ok(f"%tf spawn busybox --name fail --wait ready {FOREVER}")
    ran = kernel.run("%tf exec fail sh -c 'echo why >&2; exit 3'")
    assert ran.status == "error"
    assert ran.error["ename"] == "CommandFailed"
    assert "returned 3" in ran.error["evalue"]
    assert "why" in ran.error["evalue"]
    assert not [
        line for line in ran.error["traceback"] if "File" in line or "tfnz_jupyter/" in line
    ]


@pytest.mark.parametrize(
    ("line", "ename", "words"),
    [
        ("%tf spwan nginx", "UsageError", "Did you mean: %tf spawn"),
        ("%tf spawn --nmae a nginx", "UsageError", "Did you mean --name?"),
        ("%tf logs nobody", "NotFound", "nobody"),
        ("%tf spawn busybox --node nowhere", "NotFound", "nowhere"),
        ("%tf spawn -f /no/such:/x busybox", "NotFound", "/no/such"),
        ("%tf connect nowhere", "NotFound", "nowhere"),
    ],
)
def test_a_mistake_is_a_real_error_in_one_sentence(kernel, line, ename, words):
    ran = kernel.run(line)
    assert ran.status == "error"
    assert ran.error["ename"] == ename
    assert words in ran.error["evalue"]
    assert len("\n".join(ran.error["traceback"]).splitlines()) <= 3


def test_an_interrupt_ends_the_command(kernel):
    kernel.ok(f"%tf spawn busybox --name deaf --wait ready {FOREVER}")

    ran = kernel.run("%tf exec deaf sh -c 'echo begun; sleep 1000'", meanwhile=interrupting(kernel))
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert kernel.ok("print(deaf.all_processes(), deaf.state)").text == "[] running\n"


def test_following_a_log_ends_quietly_on_interrupt_and_by_itself_at_its_end(kernel):
    kernel.ok(f"%tf spawn busybox --name tail --wait ready {FOREVER}")

    assert kernel.run("%tf logs -f tail", meanwhile=interrupting(kernel)).status == "ok"
    kernel.ok("%tf spawn busybox --name brief sh -c 'echo a; sleep 0.3; echo b'")
    assert kernel.ok("%tf logs -f brief").text == "a\nb\n"


def test_logs_can_be_the_last_lines_only(kernel):
    kernel.ok("%tf spawn busybox --name count seq 5\ncount.wait_exit()")
    assert kernel.ok("%tf logs count -n 2").text == "4\n5\n"


def test_a_tunnel_is_shown_once_and_returned(kernel):
    kernel.ok("%tf spawn nginx --name tun --wait tcp:80")
    ran = kernel.ok("%tf tunnel tun 80")
    (bundle,) = ran.shown
    assert "127.0.0.1:" in bundle["text/html"]
    assert place(bundle)
    assert (
        kernel.ok(
            "import urllib.request as u; t = %tf tunnel tun 80\nu.urlopen(t.url).status"
        ).status
        == "ok"
    )


def test_rm_destroys_and_stop_says_that_it_is_rm(kernel):
    kernel.ok(f"%tf spawn busybox --name gone1 {FOREVER}")
    kernel.ok(f"%tf spawn busybox --name gone2 {FOREVER}")
    assert kernel.ok("%tf rm gone1").text == "gone1 is destroyed.\n"
    assert "stop means rm here" in kernel.ok("%tf stop gone2").text
    assert kernel.ok("%tf rm gone2").text == "gone2 was over already: destroyed.\n"


def test_help_is_printed_for_the_verb_that_has_the_question_mark(kernel):
    assert "%tf spawn [OPTIONS] IMAGE" in kernel.ok("%tf spawn?").text
    assert "%tf spawn [OPTIONS] IMAGE" in kernel.ok("%tf spawn -h").text
    assert "%tf logs NAME" in kernel.ok("%tf help").text


def test_completion_knows_verbs_options_and_live_names(kernel):
    kernel.ok(f"%tf spawn busybox --name unmistakable {FOREVER}")
    assert kernel.complete("%tf sp") == ["spawn"]
    assert kernel.complete("%tf logs unm") == ["unmistakable"]
    assert kernel.complete("x = %tf logs unm") == ["unmistakable"]
    assert kernel.complete("%tf spawn --na") == ["--name"]
    assert "busybox" in kernel.complete("%tf spawn busy")


def test_in_a_command_of_a_container_its_paths_complete(kernel):
    kernel.ok(f"%tf spawn busybox --name words --wait ready {FOREVER}")
    assert kernel.complete("%tf exec words cat /etc/pass") == ["/etc/passwd"]


@pytest.mark.parametrize(
    "line", ["%tf rm pri", "%tf tunnel nobody ", "%tf nonsense ", "x = %tf logs pri"]
)
def test_where_nothing_of_ours_fits_no_name_of_pythons_is_offered(kernel, line):
    assert kernel.complete(line) == []


def test_a_call_that_does_not_fit_shows_the_users_line_the_reason_and_what_was_meant(kernel):
    kernel.ok("from tfnz_jupyter import Location\nhere = Location()")
    ran = kernel.run("a = 1\nhere.node().spawn_container(imge='busybox')")
    shown = "\n".join(ran.error["traceback"])
    assert "2 here.node()" in shown
    assert "spawn_container() has no imge=" in shown
    assert "Did you mean image=?" in shown
    assert "_coroutine" not in shown


def test_an_error_shows_the_users_line_and_no_sequences_of_a_terminal(kernel):
    kernel.ok(
        "%tf spawn busybox --name rude sh -c 'printf \"\\\\033]0;title\\\\007\\\\033[31mbad\\n\"; exit 1'"
    )
    ran = kernel.run("a = 1\nrude.wait_tcp(80)")
    assert ran.error["ename"] == "ContainerEnded"
    shown = "\n".join(ran.error["traceback"])
    assert "2 rude.wait_tcp(80)" in shown
    assert "| bad" in shown
    assert "title" not in shown


def test_a_board_without_containers_says_who_there_is_in_other_sessions(home):
    from tests.support import kernel as kernels

    with kernels.kernel() as one, kernels.kernel() as other:
        one.ok(f"%tf spawn busybox --name tagged --tag board-tagged --wait ready {FOREVER}")
        other.ok("%tf connect")
        (shown,) = other.ok("%tf ps").shown
        assert "No containers in this session" in shown["text/plain"]
        assert "board-tagged" in shown["text/html"]


def test_the_boards_are_widgets_with_a_static_view_beside(kernel):
    kernel.ok(f"%tf spawn busybox --name shown {FOREVER}")
    for line, words in (("%tf", "score"), ("%tf nodes", "score"), ("%tf ps", "shown")):
        (bundle,) = kernel.ok(line).shown
        assert place(bundle)
        assert words in bundle["text/plain"]
        assert words in bundle["text/html"]


def test_the_card_of_an_ended_container_is_replaced_by_readable_html(kernel):
    kernel.stray.clear()
    ran = kernel.ok("%tf spawn busybox --name short sh -c 'echo last words; exit 4'")
    update = frozen(kernel, ran)
    assert "last words" in update["text/html"]
    assert "code 4" in update["text/html"]


def test_the_cell_that_destroys_a_container_freezes_its_card_itself(kernel):
    kernel.ok(f"%tf spawn busybox --name ice --wait log:up {FOREVER}")
    ran = kernel.ok("%tf rm ice")
    updates = [content["data"] for content in ran.of("update_display_data")]
    (update,) = [one for one in updates if not place(one)]
    assert "up" in update["text/html"]
    assert "destroyed" in update["text/html"]


def test_a_failed_spawn_is_told_on_the_card_and_by_whatever_uses_it(kernel):
    kernel.stray.clear()
    ran = kernel.ok("%tf spawn no-such-image-anywhere --name nope")
    update = frozen(kernel, ran, within=60)
    assert "no-such-image-anywhere" in update["text/html"]
    assert kernel.run("nope.wait_until_ready()").error["ename"] == "ImageNotFound"


def test_secrets_of_the_environment_are_in_no_output(kernel):
    kernel.stray.clear()
    ran = kernel.ok(
        "%tf spawn -e API_TOKEN=swordfish --name quiet busybox true\nquiet.wait_exit()\nquiet"
    )
    update = frozen(kernel, ran)
    assert "swordfish" not in str(
        [ran.of("stream", "display_data", "comm_open", "comm_msg"), update]
    )


def test_a_setting_reaches_cards_that_are_shown(kernel):
    kernel.ok(f"%tf spawn busybox --name set {FOREVER}\n%config TfMagics.refresh = 10")
    kernel.stray.clear()
    updates = kernel.ok("%config TfMagics.proxy_links = False").of("comm_msg")
    assert {"proxy": False} in [u["data"].get("state", {}).get("options") for u in updates]
    kernel.ok("%config TfMagics.proxy_links = True")


def test_programs_of_old_run_as_they_are(kernel):
    ran = kernel.ok(
        "from tfnz import *\nimport tfnz.container\nprint(location.Location.__module__)"
    )
    assert ran.text == "tfnz_jupyter.sdk.location\n"


def test_the_extension_can_be_reloaded_and_unloaded(home):
    from tests.support import kernel as kernels

    with kernels.kernel() as fresh:
        fresh.ok("%reload_ext tfnz_jupyter\n%tf help")
        fresh.ok("%unload_ext tfnz_jupyter")
        assert "UsageError" in str(fresh.run("%tf help").messages)


def test_connecting_says_where_we_are_and_disconnecting_what_is_gone(home):
    from tests.support import kernel as kernels

    with kernels.kernel() as fresh:
        assert "There is no session." in fresh.ok("%tf disconnect").text
        assert place(fresh.ok("here = %tf connect").shown[0])
        assert "Already at embedded." in fresh.ok("%tf connect embedded").text
        fresh.ok(f"%tf spawn busybox {FOREVER}")
        assert "and its container with it" in fresh.ok("%tf disconnect").text
        assert fresh.ok("%tf locations").text == "embedded\ndocker\nkubernetes\n"
        assert "The embedded engine on this machine" in fresh.ok("%tf doctor").text
