import json

import pytest

from loyalty.bench.errors import NotDurable
from loyalty.bench.ledger import TARGETS
from loyalty.bench.matching import LOADED, MATCHED
from loyalty.bench.measuring import REFERENCE, Measure, Report, percentile, results
from loyalty.bench.scratch import scratch
from loyalty.database import embedded_url, libpq_dsn
from loyalty.settings import Settings
from tests.conftest import set_fsync

KEYS = {"case", "per_second", "spread", "reference", "ratio", "p50_ms", "p99_ms"}


@pytest.fixture(autouse=True)
def durable(server):
    """A server that waits for its disk: on no other is anything measured."""
    set_fsync(server, "on")
    yield
    set_fsync(server, "off")


@pytest.fixture
def bench(run_jifen, server):
    """Measure on the tests' server, with settings too small to mean anything."""
    address = libpq_dsn(embedded_url(server))

    def run(*arguments):
        return run_jifen(
            "bench",
            *arguments,
            JIFEN_DATABASE_URL=address,
            PATH=str(server.bin_dir),
        )

    return run


def check_shape(done, *, bench, cases):
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {"bench", "machine", "rounds", "results"}
    assert report["bench"] == bench
    assert report["rounds"] == 1
    assert [result["case"] for result in report["results"]] == cases
    for result in report["results"]:
        assert set(result) == KEYS
        slowest, fastest = result["spread"]
        assert 0 < slowest <= result["per_second"] <= fastest
        assert result["ratio"] == pytest.approx(
            result["per_second"] / result["reference"], abs=0.01
        )
    return {result["case"]: result for result in report["results"]}


def test_every_way_to_post_is_measured_against_the_same_reference(bench):
    size = ["--rounds", 1, "--seconds", 1, "--clients", 2, "--accounts", 50]

    done = bench("ledger", *size, "--json")

    measured = check_shape(done, bench="ledger", cases=[REFERENCE, *TARGETS])
    assert measured[REFERENCE]["ratio"] == 1
    assert all(0 < case["p50_ms"] <= case["p99_ms"] for case in measured.values())


def test_a_feed_is_measured_through_the_real_command(bench):
    done = bench("feed", "--rounds", 1, "--bills", 200, "--seconds", 1, "--json")

    cases = [
        REFERENCE,
        "bills booked and paid",
        "load bills, lines",
        "load payments, lines",
    ]
    check_shape(done, bench="feed", cases=cases)
    assert "MB" in done.stderr


def test_a_bench_leaves_no_database_behind(bench, empty_database):
    done = bench("feed", "--rounds", 1, "--bills", 10, "--seconds", 1)

    assert "memory of the loader" in done.stdout
    with empty_database.engine.connect() as connection:
        left = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_database WHERE datname ~ '^jifen_bench_'"
        )
        assert left.scalar() == 0


def test_a_server_that_may_forget_is_not_measured(empty_database):
    with empty_database.owner_engine.connect() as connection:
        name = empty_database.engine.url.database
        connection.exec_driver_sql(
            f"ALTER DATABASE {name} SET synchronous_commit = off"
        )
        connection.commit()
    empty_database.engine.dispose()

    with (
        pytest.raises(NotDurable) as refused,
        scratch(Settings(database_url=empty_database.dsn)),
    ):
        pass

    assert refused.value.facts == {"setting": "synchronous_commit", "value": "off"}


def test_without_pgbench_nothing_is_measured(run_jifen, server):
    address = libpq_dsn(embedded_url(server))

    done = run_jifen("bench", "feed", JIFEN_DATABASE_URL=address, PATH="")

    assert done.exit_code == 1
    assert "pgbench" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_match_is_measured_that_finds_what_is_missing(bench):
    size = ["--rounds", 1, "--seconds", 1, "--lines", 1_200]

    done = bench("matching", *size, "--json")

    check_shape(done, bench="matching", cases=[REFERENCE, MATCHED, LOADED])


def test_rounds_are_compared_with_their_own_reference():
    rounds = [
        {REFERENCE: Measure(100.0), "posting": Measure(200.0, 1.0, 4.0)},
        {REFERENCE: Measure(10.0), "posting": Measure(10.0, 3.0, 6.0)},
        {REFERENCE: Measure(50.0), "posting": Measure(75.0, 2.0, 5.0)},
    ]

    _, posting = results(rounds)

    assert posting.per_second == 75
    assert posting.spread == (10, 200)
    assert posting.reference == 50
    assert posting.ratio == 1.5
    assert (posting.p50_ms, posting.p99_ms) == (2, 5)


def test_people_read_aligned_columns_with_the_target_beside():
    found = results([{REFERENCE: Measure(1000.0), "posting": Measure(1200.0)}])
    report = Report("ledger", {"cores": 2}, 1, found, {"posting": "ratio >= 1.2"})

    lines = str(report).splitlines()

    assert lines[-1].endswith("1.20                          ratio >= 1.2")
    assert lines[-1].index("1,200") + 5 == lines[-2].index("1,000") + 5


def test_percentiles_are_values_that_were_measured():
    assert percentile([], 99) is None
    assert percentile([7], 99) == 7
    assert percentile(range(100), 50) == 50
    assert percentile(range(100), 99) == 99
