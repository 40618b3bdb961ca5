"""Logs of children, the words for their ends, and the banners of Java."""

from pathlib import Path

from contex.local.java import major_version
from contex.local.process import describe_exit, tail, trim


def test_a_log_beyond_its_bound_is_cut_in_place_and_its_end_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with log.open("ab") as writer:
        writer.write(b"old" * 10 + b"new" * 10)
        writer.flush()
        assert trim(log, bytes_max=30)
        writer.write(b"after")
    assert (tmp_path / "child.log.1").read_bytes() == b"new" * 10
    assert log.read_bytes() == b"after"


def test_a_small_or_absent_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    assert not trim(log, bytes_max=3)
    log.write_bytes(b"new")
    assert not trim(log, bytes_max=3)


def test_tail_gives_the_last_lines_of_any_bytes(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    assert tail(log) == []
    log.write_bytes(b"x" * 100_000 + b"\none\n\xff\nthree\n")
    assert tail(log, lines_max=3) == ["one", "\N{REPLACEMENT CHARACTER}", "three"]


def test_tail_leaves_out_what_an_earlier_process_wrote(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_bytes(b"before\nafter\n")
    assert tail(log, since_bytes=len(b"before\n")) == ["after"]


def test_ends_are_described_in_words() -> None:
    assert describe_exit(3) == "ended with exit status 3"
    assert describe_exit(-9) == "was ended by SIGKILL"
    assert describe_exit(-99) == "was ended by signal 99"


def test_java_versions_are_read_from_old_and_new_banners() -> None:
    assert major_version('openjdk version "17.0.15" 2025-04-15') == 17
    assert major_version('java version "1.8.0_392"') == 8
    assert major_version('openjdk version "25" 2025-09-16') == 25
    assert major_version("command not found") is None
