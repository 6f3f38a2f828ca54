"""A terminal in a page: a real shell, keys, sizes, floods, reloads."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.eventually import eventually

LOAD = "%load_ext tfnz_jupyter"
BOX = "%tf spawn busybox --name {name} --wait ready sleep 100000"


def screen(terminal) -> str:
    """What stands in the terminal, as text."""
    return "\n".join(terminal.locator(".xterm-rows > div").all_inner_texts()).replace("\xa0", " ")


def shows(terminal, words: str, within: float = 10) -> None:
    eventually(lambda: words in screen(terminal), within=within)


def paste(terminal, words: str) -> None:
    """Paste as a browser does."""
    terminal.locator("textarea").evaluate(
        """(box, words) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", words);
            box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        words,
    )


def says_its_size(terminal) -> bool:
    """Whether what runs in it sees the size that the page shows; a new size takes a moment to arrive."""
    terminal.locator("textarea").type("stty size\n")
    size = f"{terminal.get_attribute('data-rows')} {terminal.get_attribute('data-cols')}"
    shows(terminal, size, within=2)
    return True


def test_a_shell_answers_keys_and_ends_with_its_code(lab):
    with lab.open(
        LOAD, BOX.format(name="term"), "shell = %tf shell term", "shell.wait_exit()"
    ) as notebook:
        for cell in (LOAD, "%tf spawn", "%tf shell"):
            notebook.run(cell)
        terminal = notebook.page.locator(".tf-terminal")
        expect(terminal).to_have_attribute("data-ready", "true", timeout=20_000)
        shows(terminal, "/ #")
        terminal.locator("textarea").type("echo $((6*7))\n")
        shows(terminal, "42")
        assert screen(terminal).count("BusyBox v") == 1
        eventually(lambda: says_its_size(terminal), within=20)
        notebook.picture("terminal", terminal)
        terminal.locator("textarea").type("exit 3\n")
        ended = notebook.page.locator(".tf-small[data-mood=bad]")
        expect(ended).to_contain_text("exited with code 3", timeout=10_000)
        expect(ended).to_contain_text("42")


def test_a_card_opens_a_terminal_that_works_while_a_cell_computes(lab):
    cells = (LOAD, BOX.format(name="busyterm"), "busyterm.wait_exit()", "busyterm.destroy()")
    with lab.open(*cells) as notebook:
        notebook.run(LOAD)
        notebook.run("%tf spawn")
        notebook.start("wait_exit")
        notebook.card("busyterm").get_by_role("button", name="open a terminal").click()
        terminal = notebook.page.locator(".tf-terminal")
        expect(terminal).to_have_attribute("data-ready", "true", timeout=20_000)
        shows(terminal, "/ #")
        terminal.locator("textarea").type("touch /tmp/typed; ls /tmp\n")
        shows(terminal, "typed")
        notebook.picture("card-terminal", notebook.cell_of(terminal))
        terminal.locator("textarea").type("kill -9 1\n")
        notebook.card("busyterm").get_by_role("button", name="destroy this container").click()
        notebook.card("busyterm").get_by_role("button", name="Yes, destroy it").click()
        notebook.finish()


def test_a_reloaded_page_shows_the_terminal_as_it_was(lab):
    cells = (LOAD, BOX.format(name="reterm"), "%tf shell reterm")
    with lab.open(*cells) as notebook:
        for cell in (LOAD, "%tf spawn", "%tf shell"):
            notebook.run(cell)
        terminal = notebook.page.locator(".tf-terminal")
        expect(terminal).to_have_attribute("data-ready", "true", timeout=20_000)
        terminal.locator("textarea").type("echo before-$((1+1))\n")
        shows(terminal, "before-2")
        notebook.save()
        notebook.load()
        expect(terminal).to_have_attribute("data-ready", "true", timeout=20_000)
        shows(terminal, "before-2")
        terminal.locator("textarea").type("echo after-$((1+2))\n")
        shows(terminal, "after-3")


def test_a_flood_passes_whole_and_the_page_stays_alive(lab):
    cells = (LOAD, BOX.format(name="floodterm"), "%tf shell floodterm")
    with lab.open(*cells) as notebook:
        for cell in (LOAD, "%tf spawn", "%tf shell"):
            notebook.run(cell)
        terminal = notebook.page.locator(".tf-terminal")
        expect(terminal).to_have_attribute("data-ready", "true", timeout=20_000)
        terminal.locator("textarea").type("seq 300000; echo fin$((3*3))\n")
        shows(terminal, "fin9", within=60)
        assert "300000" in screen(terminal)


def test_vi_works_and_its_end_ends_the_terminal(lab):
    cells = (
        LOAD,
        BOX.format(name="viterm"),
        "%tf shell viterm vi /tmp/file",
        "viterm.fetch('/tmp/file')",
    )
    with lab.open(*cells) as notebook:
        for cell in (LOAD, "%tf spawn", "%tf shell"):
            notebook.run(cell)
        terminal = notebook.page.locator(".tf-terminal")
        expect(terminal).to_have_attribute("data-ready", "true", timeout=20_000)
        shows(terminal, "/tmp/file")
        keys = terminal.locator("textarea")
        keys.type("i")
        paste(terminal, "hello from vi")
        shows(terminal, "hello from vi")
        keys.press("Escape")
        shows(terminal, "[Modified]")  # vi itself takes what follows an escape at once for one key
        keys.type(":wq\n")
        expect(notebook.page.locator(".tf-small[data-mood=done]")).to_be_visible(timeout=10_000)
        notebook.run("fetch")
        assert "hello from vi" in notebook.printed()


def test_the_terminals_of_a_page_share_what_draws_them(lab):
    cells = (LOAD, BOX.format(name="pair"), "%tf shell pair", "%tf shell pair  # again")
    with lab.open(*cells) as notebook:
        asked: list[bytes] = []

        def sent(frame: str | bytes) -> None:
            data = frame.encode() if isinstance(frame, str) else frame
            asked.extend([data] * (b'"type":"emulator"' in data.replace(b" ", b"")))

        notebook.page.on("websocket", lambda socket: socket.on("framesent", sent))
        notebook.load()
        for cell in cells:
            notebook.run(cell)
        ready = notebook.page.locator(".tf-terminal[data-ready=true]")
        expect(ready).to_have_count(2, timeout=20_000)
        for terminal in ready.all():
            shows(terminal, "/ #")
        assert len(asked) == 1
