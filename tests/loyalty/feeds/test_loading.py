"""What becomes of the lines of a file that is accepted."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from sqlalchemy import text

from loyalty.feeds import loading
from loyalty.feeds.errors import LoadRunning
from loyalty.feeds.formats import FEEDS, LAYOUTS, Feed
from loyalty.feeds.loading import load, rejects_path

LINE = "CEB,bank,光大银行"
MANY = 50_000
MEGABYTE = 1024 * 1024


def book_nothing(session, *, feed_file):
    """Take every line, as a topic would, and remember whose it is and what it says."""
    session.execute(
        text(
            """
            INSERT INTO claim (space, key, member_id, content, feed_file, line_no)
            SELECT 'bill', bill_ref, coalesce(member_id, 0), content, :feed_file,
                   line_no
              FROM line
            ON CONFLICT DO NOTHING
            """
        ),
        {"feed_file": feed_file},
    )
    session.execute(
        text(
            """
            INSERT INTO verdict
            SELECT l.line_no,
                   CASE WHEN (c.feed_file, c.line_no) = (:feed_file, l.line_no)
                        THEN 'booked'
                        WHEN c.content = l.content THEN 'already_booked'
                        ELSE 'rejected' END,
                   CASE WHEN c.content <> l.content THEN 'reference_reused' END
              FROM line l JOIN claim c ON c.space = 'bill' AND c.key = l.bill_ref
            """
        ),
        {"feed_file": feed_file},
    )


@pytest.fixture
def bills():
    layout = LAYOUTS["bills"]
    return Feed("bills", layout.columns, layout.total, book_nothing, layout.member)


def bill(number, amount="1.00", msisdn="13300000001"):
    return f"B{number},{msisdn},2007-10,2007-10-05,2007-10-25,{amount}"


def test_the_counts_are_told_in_one_line(cli, deliver):
    path = deliver("partners", LINE, LINE, "CEB,bank,别名", "X,cinema,影院")

    result = cli("load", "partners", path)

    assert result.exit_code == 0
    assert result.stdout == (
        "partners: 4 lines, 1 booked, 1 already booked, 2 rejected\n"
    )


def test_the_counts_are_told_as_json(cli, deliver):
    result = cli("load", "partners", deliver("partners", LINE), "--json")

    assert json.loads(result.stdout) == {
        "feed": "partners",
        "sender": "operator",
        "sequence": 1,
        "lines": 1,
        "booked": 1,
        "already_booked": 0,
        "rejected": 0,
    }


def test_progress_is_told_when_it_is_asked_for(cli, deliver):
    quiet = cli("load", "partners", deliver("partners", LINE))
    telling = cli("load", "partners", deliver("partners", LINE), "--progress")

    assert quiet.stderr == ""
    assert "1 of 1 lines" in telling.stderr


def test_bad_lines_go_to_the_rejects_as_they_stood(fresh_database, deliver):
    path = deliver(
        "partners",
        LINE,
        "CEB,bank",
        'X,"cin""ema",影\\院',
        "",
        "CEB,bank,别名",
        "MU,airline,东航",
    )

    answer = load(fresh_database, FEEDS["partners"], path)

    assert (answer.booked, answer.rejected) == (2, 4)
    assert rejects_path(path).read_text(encoding="utf-8") == (
        "line_no,reason,partner,kind,name\n"
        '3,"columns: 3 expected, 2 found",CEB,bank\n'
        '4,"kind: none of bank airline insurer merchant venue telecom coalition",'
        'X,"cin""ema",影\\院\n'
        '5,"columns: 3 expected, 0 found",\n'
        '6,"reference_reused",CEB,bank,别名\n'
    )


def test_quoted_fields_may_span_lines_and_blocks(fresh_database, deliver, rows):
    names = ['"光大, 银行"', '"says ""hi"""', '"two\nlines"']
    fillers = [f"F{n},bank,{'x' * 190}" for n in range(3000)]
    lines = [f"Q{n},bank,{name}" for n, name in enumerate(names)]

    path = deliver("partners", *fillers, *lines, *(f"E{line}" for line in lines))
    answer = load(fresh_database, FEEDS["partners"], path)

    assert (answer.booked, answer.rejected) == (3004, 2)
    assert rows(
        "SELECT name FROM partner WHERE partner IN ('Q0', 'EQ1') ORDER BY 1"
    ) == [
        ('says "hi"',),
        ("光大, 银行",),
    ]
    assert (
        rejects_path(path)
        .read_text(encoding="utf-8")
        .splitlines()[1]
        .startswith('3004,"name: not 1 to 200 characters')
    )


@pytest.mark.parametrize(
    "body",
    [
        f"partner,kind,name\n{LINE}".encode(),
        f"partner,kind,name\r\n{LINE}\r\n".encode(),
        f"\ufeffpartner,kind,name\n{LINE}\n".encode(),
        '"partner","kind","name"\n"CEB",bank,"光大银行"\n'.encode(),
    ],
    ids=["no last newline", "carriage returns", "byte order mark", "quotes"],
)
def test_however_csv_is_written_its_lines_are_the_same(
    fresh_database, deliver, rows, body
):
    path = deliver("partners", body=body, records=1, total=1)

    assert load(fresh_database, FEEDS["partners"], path).booked == 1
    assert rows("SELECT partner, kind, name FROM partner") == [
        ("CEB", "bank", "光大银行")
    ]


def test_a_file_without_lines_is_fine(fresh_database, deliver):
    answer = load(fresh_database, FEEDS["partners"], deliver("partners"))

    assert (answer.lines, answer.booked) == (0, 0)


def test_an_unparsable_amount_counts_as_zero_in_the_total(
    fresh_database, deliver, bills
):
    wrong = ["1e9", "-0", "１２", "+5.00", "5", "NaN", ""]
    lines = [
        bill(1, "100.00"),
        bill(2, "-0.50"),
        bill(3, "-0.00"),
        *(bill(10 + n, amount) for n, amount in enumerate(wrong)),
        bill(30, "7.00").replace("2007-10-25", "2007-02-30"),  # its amount is fine
    ]

    path = deliver("bills", *lines, total=10_000 - 50 + 700)
    answer = load(fresh_database, bills, path)

    assert (answer.booked, answer.rejected) == (3, len(wrong) + 1)


@pytest.mark.parametrize("total", [10_000, 10_000 + 9_999_999_999_999_900 - 500])
def test_an_amount_that_cannot_be_may_count_in_the_total(
    fresh_database, deliver, bills, total
):
    lines = [
        bill(1, "100.00"),
        bill(2, "99999999999999.00"),
        bill(3, "-000000000000005.00"),
    ]

    answer = load(fresh_database, bills, deliver("bills", *lines, total=total))

    assert (answer.booked, answer.rejected) == (1, 2)


def test_a_negative_number_of_points_is_a_reject_not_a_refusal(fresh_database, deliver):
    path = deliver("opening", "WANG,CUP,-5,operator,2007-01,2010-01-31", total=-5)

    answer = load(fresh_database, FEEDS["opening"], path)

    assert (answer.booked, answer.rejected) == (0, 1)


def test_a_load_leaves_nothing_in_the_way_of_the_next(fresh_database, deliver):
    path = deliver("partners", LINE)
    waiting = [fresh_database.engine.connect() for _ in range(4)]
    for connection in waiting:
        connection.close()  # to the pool, for the next load to take at once

    answers = [load(fresh_database, FEEDS["partners"], path) for _ in range(40)]

    assert {answer.booked for answer in answers} == {1}


def test_loading_a_completed_file_again_repeats_its_answer(
    fresh_database, deliver, rows
):
    path = deliver("partners", LINE, "CEB,bank,别名")
    first = load(fresh_database, FEEDS["partners"], path)
    rejects = rejects_path(path).read_bytes()
    rejects_path(path).unlink()

    assert load(fresh_database, FEEDS["partners"], path) == first
    assert rejects_path(path).read_bytes() == rejects
    assert rows("SELECT count(*) FROM feed_file") == [(1,)]


def test_rejects_of_an_earlier_try_do_not_stay_behind(fresh_database, deliver):
    path = deliver("partners", LINE)
    rejects_path(path).write_text("from another time")

    load(fresh_database, FEEDS["partners"], path)

    assert not rejects_path(path).exists()


def test_the_lines_of_a_file_under_another_number_are_already_booked(
    fresh_database, deliver, bills
):
    lines = [bill(n) for n in range(50)]
    load(fresh_database, bills, deliver("bills", *lines, total=5000))

    again = load(
        fresh_database, bills, deliver("bills", *lines, bill(1, "2.00"), total=5200)
    )

    assert (again.booked, again.already_booked, again.rejected) == (0, 50, 1)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_share_out_members_and_every_line_is_answered_once(  # noqa: PLR0917 - fixtures come by name
    fresh_database, load_lines, line_of, deliver, bills, rows, monkeypatch, workers
):
    monkeypatch.setattr(loading, "CHUNK_LINES", 7)
    load_lines("subscribers", *(line_of(f"M{n}", f"133{n:08d}") for n in range(20)))
    lines = [bill(n, msisdn=f"133{n % 23:08d}") for n in range(200)]

    answer = load(
        fresh_database,
        bills,
        deliver("bills", *lines, total=20_000),
        workers=workers,
    )

    assert (answer.booked, answer.rejected) == (200, 0)
    assert rows(
        "SELECT count(DISTINCT member_id), count(*) FILTER (WHERE member_id = 0)"
        " FROM claim WHERE space = 'bill'"
    ) == [(21, 8 * 3 + 0)]


def test_a_bill_is_whose_the_line_was_when_it_was_billed(  # noqa: PLR0917 - fixtures come by name
    fresh_database, load_lines, line_of, change, deliver, bills, rows
):
    load_lines("subscribers", line_of("M1", activated_on="2005-03-01"))
    change("UPDATE subscription SET state = 'transferred'")
    load_lines("subscribers", line_of("M2", activated_on="2007-10-06"))

    lines = [bill(1), bill(2).replace("2007-10-05", "2007-10-06")]
    load(fresh_database, bills, deliver("bills", *lines, total=200))

    assert rows(
        "SELECT key, member_ref FROM claim JOIN member USING (member_id)"
        " WHERE space = 'bill' ORDER BY 1"
    ) == [("B1", "M1"), ("B2", "M2")]


def start(database, path, **environment):
    """Start a load in a process of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("JIFEN_")}
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from loyalty.cli import main; main()",
            "load",
            "subscribers",
            str(path),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=inherited | {"JIFEN_DATABASE_URL": database.dsn} | environment,
    )


def wait_until(condition, process):
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "it ended before it could be disturbed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def many_lines(line_of):
    """Lines of which every thousandth is ill-formed, rejected, or said twice."""
    lines = [line_of(f"M{n // 2}", f"133{n:08d}") for n in range(MANY)]
    for n in range(0, MANY, 1000):
        lines[n + 3] = line_of("M-late", f"133{n + 2:08d}")
        lines[n + 5] = lines[n + 4]
        lines[n + 7] = line_of(f"M{n}", "no number")
    return lines


@pytest.mark.parametrize("moment", ["staging", "booking", "almost done"])
def test_a_load_that_was_killed_is_completed_exactly_once(
    fresh_database, deliver, line_of, rows, moment
):
    path = deliver("subscribers", *many_lines(line_of))
    reached = {
        "staging": "SELECT count(*) > 0 FROM pg_stat_progress_copy",
        "booking": "SELECT count(*) > 0 FROM subscription",
        "almost done": f"SELECT count(*) > {MANY // 2} FROM subscription",
    }[moment]
    process = start(fresh_database, path)
    wait_until(lambda: rows(reached) == [(True,)], process)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    (left,) = rows("SELECT count(*) FROM subscription")
    stdout, stderr = start(fresh_database, path).communicate(timeout=300)

    bad = MANY // 1000
    assert left[0] < MANY - 3 * bad
    assert stderr == ""
    assert stdout == (
        f"subscribers: {MANY:,} lines, {MANY - 3 * bad:,} booked,"
        f" {bad:,} already booked, {2 * bad:,} rejected\n"
    )
    assert rows("SELECT count(*) FROM subscription") == [(MANY - 3 * bad,)]
    assert rows("SELECT count(*) FROM feed_reject") == [(2 * bad,)]
    assert rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'") == [(0,)]
    assert len(rejects_path(path).read_text().splitlines()) == 2 * bad + 1


def test_the_second_of_two_loads_at_once_says_so(
    fresh_database, deliver, line_of, rows
):
    path = deliver(
        "subscribers", *(line_of(f"M{n}", f"133{n:08d}") for n in range(MANY // 2))
    )
    first = start(fresh_database, path)
    wait_until(
        lambda: rows("SELECT count(*) > 0 FROM pg_stat_progress_copy") == [(True,)],
        first,
    )

    with pytest.raises(LoadRunning):
        load(fresh_database, FEEDS["subscribers"], path)

    stdout, _ = first.communicate(timeout=300)
    assert f"{MANY // 2:,} booked" in stdout


def test_memory_stays_flat_however_long_the_file(fresh_database, deliver, bills):
    path = deliver("bills", *map(bill, range(300_000)), total=30_000_000)
    process = psutil.Process()
    before = process.memory_info().rss
    peaks = []

    load(
        fresh_database,
        bills,
        path,
        progress=lambda *_: peaks.append(process.memory_info().rss),
    )

    assert max(peaks) < before + 50 * MEGABYTE
