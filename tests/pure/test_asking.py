"""Whatever a user hands in wrong is named, before anything is asked of a location."""

import pytest

from tfnz_jupyter.errors import UsageError
from tfnz_jupyter.sdk import asking


def test_pairs_may_be_a_mapping_or_a_list():
    assert asking.environment({"A": 1}) == asking.environment([("A", "1")]) == [("A", "1")]


@pytest.mark.parametrize("bad", [[("A",)], ["AB"], [("A", 1, 2)], [3]])
def test_an_element_that_is_no_pair_is_named(bad):
    with pytest.raises(UsageError, match="env: "):
        asking.environment([("GOOD", "1"), *bad])


@pytest.mark.parametrize("name", ["", "A=B", "A\0", 7, None])
def test_a_variable_that_no_environment_holds_is_named(name):
    with pytest.raises(UsageError, match="env: "):
        asking.environment([(name, "x")])


def test_a_value_may_hold_an_equals_sign():
    assert asking.environment({"A": "b=c"}) == [("A", "b=c")]


@pytest.mark.parametrize("path", ["etc/x", "/", "/etc/", "/../x", "/a/../../x", "/a\0b", 5])
def test_a_bad_path_of_a_pre_boot_file_is_named(path):
    with pytest.raises(UsageError, match="pre_boot_files"):
        asking.files([("/good", "x"), (path, "x")])


def test_file_contents_are_text_or_bytes():
    assert asking.files({"/a": "é", "/b": b"\xff"}) == [("/a", "é".encode()), ("/b", b"\xff")]
    with pytest.raises(UsageError, match="/c is int"):
        asking.files({"/c": 3})


def test_a_command_is_a_list_or_a_line_for_the_shell():
    assert asking.command(["a", "b c"]) == ["a", "b c"]
    assert asking.command("a | b") == ["/bin/sh", "-c", "a | b"]


@pytest.mark.parametrize("bad", ["", [], ["a", 3], ["a\0"]])
def test_a_command_that_is_none_is_refused(bad):
    with pytest.raises(UsageError):
        asking.command(bad)


@pytest.mark.parametrize("bad", ["", "Web", "-a", "a-", "a b", "ä", "x" * 64, 4])
def test_a_name_no_host_could_have_is_refused(bad):
    with pytest.raises(UsageError, match="name of a container"):
        asking.name(bad)


@pytest.mark.parametrize("bad", [0, 65536, -1, "http", None, True])
def test_a_number_that_is_no_port_is_named(bad):
    with pytest.raises(UsageError, match="dest_port"):
        asking.port(bad, "dest_port")
