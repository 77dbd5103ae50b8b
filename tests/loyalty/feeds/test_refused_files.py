"""A file that is refused leaves nothing behind, and takes no sequence number."""

import pytest
from sqlalchemy import text

from loyalty.errors import LoyaltyError
from loyalty.feeds.errors import (
    BadManifest,
    LoadInterrupted,
    MalformedFile,
    ManifestDisagrees,
    SequenceGap,
    SequenceUsed,
)
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import load

LINE = "CEB,bank,光大银行"
HEADER = "partner,kind,name\n"


def assert_untouched(database):
    with database.owner_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM feed_file")) == 0
        assert connection.scalar(text("SELECT count(*) FROM partner")) == 0
        assert (
            connection.scalar(
                text("SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'")
            )
            == 0
        )


def refusal(database, path):
    """Return why a file is refused, sure that nothing came of it."""
    with pytest.raises(LoyaltyError) as refused:
        load(database, FEEDS["partners"], path)
    assert "\n" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize("key", ["feed", "sequence", "records", "total", "sha256"])
def test_a_manifest_without_a_key_is_refused(database, deliver, key):
    error = refusal(database, deliver("partners", LINE, leave_out=[key]))

    assert isinstance(error, BadManifest)
    assert key in str(error)
    assert_untouched(database)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("feed", 7),
        ("feed", None),
        ("sender", ""),
        ("sender", 7),
        ("sender", "north/south"),
        ("sequence", 0),
        ("sequence", -1),
        ("sequence", "1"),
        ("sequence", 1.0),
        ("sequence", True),
        ("sequence", 10**40),
        ("records", "1"),
        ("records", -1),
        ("records", 1.5),
        ("records", True),
        ("total", "1"),
        ("total", None),
        ("total", 1e9),
        ("total", 10**40),
        ("sha256", 7),
        ("sha256", "abc"),
        ("sha256", "g" * 64),
        ("checksum", "unheard of"),
    ],
)
def test_a_manifest_with_a_wrong_value_is_refused(database, deliver, key, value):
    error = refusal(database, deliver("partners", LINE, **{key: value}))

    assert isinstance(error, BadManifest)
    assert key in str(error)
    assert_untouched(database)


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"feed"',
        b"\xff\xfe",
        b'{"feed": "partners", "feed": "partners"}',
        b'{"total": NaN}',
        b'{"total": ' + b"9" * 5000 + b"}",
        b"[" * 30_000,
        b" " * 70_000 + b"{}",
    ],
    ids=lambda written: repr(written[:12]),
)
def test_a_manifest_that_is_none_is_refused(database, deliver, written):
    path = deliver("partners", LINE)
    path.with_name(f"{path.name}.manifest.json").write_bytes(written)

    assert isinstance(refusal(database, path), BadManifest)
    assert_untouched(database)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("feed", "bills"),
        ("records", 2),
        ("records", 0),
        ("records", 2**60),
        ("total", 2),
        ("total", -1),
        ("sha256", "0" * 64),
    ],
)
def test_a_manifest_that_disagrees_with_the_file_is_refused(
    database, deliver, key, value
):
    error = refusal(database, deliver("partners", LINE, **{key: value}))

    assert isinstance(error, ManifestDisagrees)
    assert error.facts["key"] == key
    assert_untouched(database)


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        (b"", 1, "header"),
        (b"\n", 1, "header"),
        (b"partner,name,kind\n", 1, "header"),
        (b"partner,kind\n", 1, "header"),
        (LINE.encode(), 1, "header"),
        (HEADER.encode() + b"A,bank,\xff\n", 2, "UTF-8"),
        (HEADER.encode() + "A,bank,光大\n".encode("gb18030"), 2, "UTF-8"),
        (HEADER.encode() + LINE.encode()[:-1], 2, "UTF-8"),
        (HEADER.encode() + b"A,bank,a\nB,bank,\0\n", 3, "NUL"),
        (HEADER.encode() + b"A,bank,a\nB,bank," + b"x" * 65_536, 3, "longer"),
        (HEADER.encode() + b"A,bank," + b"x" * 2_000_000 + b"\n", 2, "longer"),
        (HEADER.encode() + b'A,bank,"' + b"x\n" * 40_000 + b'"\n', 2, "longer"),
        (HEADER.encode() + b'A,bank,"a\n', 2, "unexpected end"),
        (HEADER.encode() + b'A,bank,a\nB,bank,"a"b\n', 3, "expected"),
        (HEADER.encode() + b"A,bank,a\rB,bank,b\n", 2, "new-line"),
    ],
)
def test_a_file_that_is_no_csv_of_its_feed_is_refused_with_its_line(
    database, deliver, body, line, reason
):
    error = refusal(database, deliver("partners", body=body, records=1, total=1))

    assert isinstance(error, MalformedFile)
    assert error.facts["line"] == line
    assert reason in str(error)
    assert_untouched(database)


def test_a_gap_in_the_sequence_is_refused(database, deliver):
    error = refusal(database, deliver("partners", LINE, sequence=2))

    assert isinstance(error, SequenceGap)
    assert error.facts == {"sequence": 2, "expected": 1}
    assert_untouched(database)


def test_a_refused_file_takes_no_sequence_number(fresh_database, deliver):
    refusal(fresh_database, deliver("partners", LINE, sequence=1, total=9))

    answer = load(
        fresh_database, FEEDS["partners"], deliver("partners", LINE, sequence=1)
    )

    assert (answer.sequence, answer.booked) == (1, 1)


def test_sequences_run_per_feed_and_sender(fresh_database, deliver, line_of):
    for path in (
        deliver("partners", LINE, sequence=1),
        deliver("partners", LINE, sequence=1, sender="north"),
        deliver("partners", LINE, sequence=2),
    ):
        load(fresh_database, FEEDS["partners"], path)
    load(fresh_database, FEEDS["subscribers"], deliver("subscribers", line_of()))

    gap = refusal(fresh_database, deliver("partners", LINE, sequence=3, sender="north"))

    assert gap.facts == {"sequence": 3, "expected": 2}


def test_another_file_under_a_used_number_is_refused(fresh_database, deliver):
    load(fresh_database, FEEDS["partners"], deliver("partners", LINE, sequence=1))

    error = refusal(fresh_database, deliver("partners", "MU,airline,东航", sequence=1))

    assert isinstance(error, SequenceUsed)


def test_another_file_behind_the_manifest_of_a_completed_one_is_refused(
    fresh_database, deliver
):
    path = deliver("partners", LINE)
    load(fresh_database, FEEDS["partners"], path)
    path.write_text(f"{HEADER}MU,airline,东航\n")

    assert isinstance(refusal(fresh_database, path), ManifestDisagrees)


def test_the_next_file_waits_for_one_that_was_interrupted(
    fresh_database, deliver, change
):
    change(
        "INSERT INTO feed_file (feed, sender, sequence, sha256, records, total)"
        " VALUES ('partners', 'operator', 1, '', 1, 1)"
    )

    error = refusal(fresh_database, deliver("partners", LINE, sequence=2))

    assert isinstance(error, LoadInterrupted)


@pytest.mark.parametrize("left", ["file", "manifest"])
def test_a_file_or_manifest_that_is_not_there_is_one_line(cli, deliver, left):
    path = deliver("partners", LINE)
    gone = path if left == "manifest" else path.with_name(f"{path.name}.manifest.json")
    gone.unlink()

    result = cli("load", "partners", path)

    assert result.exit_code == 1
    assert result.stderr == f"jifen: {gone}: No such file or directory\n"


def test_a_refused_file_is_one_line_and_exits_with_one(cli, deliver):
    path = deliver("partners", LINE, total=2)

    result = cli("load", "partners", path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "total" in result.stderr
    assert list(path.parent.glob("*.rejects.csv*")) == []
