"""A verb blocks or is awaited, on one loop, and cleans up after whoever gives up waiting."""

import asyncio
import inspect
import os
import signal
import threading

import pytest

from tfnz_jupyter.blocking import on_loop, verb
from tfnz_jupyter.errors import UsageError, WrongCall


class Thing:
    def __init__(self):
        self.cleaned = threading.Event()
        self.waiting = threading.Event()

    @verb
    async def add(self, a: int, b: int = 1) -> int:
        """The sum."""
        assert on_loop()
        return a + b

    @verb
    async def wait(self) -> None:
        try:
            self.waiting.set()
            await asyncio.sleep(3600)
        finally:
            self.cleaned.set()

    @verb
    async def run(self, command: str = "") -> str:
        return command

    @verb
    async def nested(self) -> int:
        return await self.add.aio(1) + await self.add.aio(2)

    @verb
    async def wrong(self) -> int:
        return self.add(1)

    @verb
    async def fail(self) -> None:
        raise KeyError("mine")


def test_calling_a_verb_blocks_until_its_result():
    assert Thing().add(2, b=3) == 5


async def test_awaiting_a_verb_works_on_any_loop():
    assert await Thing().add.aio(2, b=3) == 5


def test_verbs_call_each_other_in_place():
    assert Thing().nested() == 5


def test_a_verb_keeps_its_docstring_and_signature():
    assert Thing.add.__doc__ == "The sum."
    assert "(a: int, b: int = 1)" in str(inspect.signature(Thing().add))


def test_a_blocking_call_on_the_loop_is_refused_with_the_remedy():
    with pytest.raises(UsageError, match=r"\.aio\(\)"):
        Thing().wrong()


def test_what_a_verb_raises_reaches_its_caller():
    with pytest.raises(KeyError, match="mine"):
        Thing().fail()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda thing: thing.run(comand="x"), "run() has no comand=\nDid you mean command=?"),
        (
            lambda thing: thing.add(1, cee=2),
            "add() got an unexpected keyword argument 'cee'\nIt takes: a, b=",
        ),
        (
            lambda thing: thing.add(),
            "add() missing 1 required positional argument: 'a'\nIt takes: a, b=",
        ),
    ],
)
def test_a_call_with_other_arguments_says_what_the_verb_takes(call, words):
    with pytest.raises(TypeError) as wrong:
        call(Thing())
    assert isinstance(wrong.value, WrongCall)
    assert str(wrong.value) == words


async def test_an_awaited_call_with_other_arguments_does_so_too():
    with pytest.raises(WrongCall, match="Did you mean command="):
        await Thing().run.aio(comand="x")


def test_an_interrupt_cancels_the_coroutine_and_waits_for_its_cleanup():
    thing = Thing()

    def interrupt():
        thing.waiting.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfnz_jupyter.blocking._CLEANUP", 60)  # however busy the machine is
        with pytest.raises(KeyboardInterrupt):
            thing.wait()
    assert thing.cleaned.is_set()


async def test_cancelling_an_await_cancels_the_coroutine():
    thing = Thing()
    task = asyncio.ensure_future(thing.wait.aio())
    await asyncio.to_thread(thing.waiting.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(thing.cleaned.wait, 10)


async def test_however_many_await_on_a_loop_it_looks_up_no_more_often(monkeypatch):
    running, thing, looks = asyncio.get_running_loop(), Thing(), []
    later = running.call_later
    monkeypatch.setattr(running, "call_later", lambda *given: looks.append(1) or later(*given))
    tasks = [asyncio.ensure_future(thing.wait.aio()) for _ in range(20)]
    await asyncio.sleep(0)  # they have begun
    assert len(looks) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_many_threads_at_once_are_fine():
    thing, sums = Thing(), []
    threads = [threading.Thread(target=lambda n=n: sums.append(thing.add(n))) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sums) == list(range(1, 51))


def test_a_forked_child_gets_a_loop_of_its_own():
    Thing().add(1)
    child = os.fork()
    if child == 0:
        os._exit(Thing().add(20, 22))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
