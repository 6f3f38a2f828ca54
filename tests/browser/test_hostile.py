"""What a container, a command or a name would like to do to the page that shows it: nothing, in any view."""

from __future__ import annotations

import re

from playwright.sync_api import expect

LOAD = "%load_ext tfnz_jupyter\nfrom tfnz_jupyter import Cluster, Location"
#: Markup that would mark the page, and sequences that would name it, link, hide what is printed or turn it around.
MARKUP = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script>"
SPEAKS = f"""
evil = {MARKUP!r} + chr(27) + ']0;pwned' + chr(7) + chr(27) + ']8;;http://evil' + chr(7) + 'l' + chr(8238) + 'r'
says = ['sh', '-c', 'printf "%s\\\\n" "$0"; printf "%s\\\\n" "$0" >&2; read x; exit 3', evil]
box = Location().node().spawn_container('busybox', command=says, env=[('WORDS', evil)])
box.wait_log('img')
box
"""
CELLS = (
    LOAD,
    SPEAKS,
    "box.spawn_process(says)",
    "box.attach_tunnel(80)",
    "Cluster(containers=[box])",
    "%tf ps",
    "%tf exec box sh -c 'echo $WORDS; echo $WORDS >&2'",
    "shell = %tf shell box sh -c 'echo \"$WORDS\"; read x'",
    "box.stdin(b'x\\n'); box.wait_exit()",
    "box.wait_tcp(1)",
)
OURS = re.compile(r"http://(localhost|127\.0\.0\.1):\d+/?$")
#: All but terminals, which show what a terminal shows.
SHOWN = ".tf-live:not(:has(.tf-terminal)), .jp-RenderedHTML, pre"
VIEWS = ".tfnz, .jp-OutputArea-output"


def harmless(notebook) -> None:
    page = notebook.page
    assert page.evaluate("window.pwned") is None
    assert "pwned" not in page.title()
    assert page.locator(VIEWS).locator("img, script, iframe, object, [onerror]").count() == 0
    links = page.locator(VIEWS).locator("a[href]")
    targets = [link.get_attribute("href") or "" for link in links.all()]
    assert [one for one in targets if not OURS.match(one)] == []
    assert "\u202e" not in "".join(page.locator(SHOWN).all_inner_texts())


def test_hostile_words_are_words_in_every_view_live_and_saved(lab):
    with lab.open(*CELLS) as notebook:
        for cell in CELLS[:8]:
            notebook.run(cell)
        shown = notebook.page.locator(".tf-live")
        expect(shown).to_have_count(6)
        for view in (shown.nth(0), shown.nth(1), shown.nth(5)):
            expect(view).to_contain_text("<script>window.pwned=1</script>", timeout=20_000)
        harmless(notebook)
        for cell in CELLS[8:]:
            notebook.run(cell)
        assert "ContainerEnded" in notebook.printed()
        expect(notebook.page.locator(".jp-RenderedHTML").first).to_contain_text("<img src=x")
        harmless(notebook)
        notebook.save()
        notebook.without_kernel()
        expect(notebook.page.locator(".jp-RenderedHTML").first).to_contain_text("<img src=x")
        harmless(notebook)
