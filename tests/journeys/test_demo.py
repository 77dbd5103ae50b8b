import re

import pytest

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
SMALL = ("--members", 60, "--months", 1, "--merchants", 5, "--no-serve")


def assert_refused(result, code):
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert code in result.stderr


def test_a_month_is_played_summed_up_and_proved(run_jifen, empty_database, tmp_path):
    settings = {
        "JIFEN_DATABASE_URL": empty_database.dsn,
        "JIFEN_DATA_DIR": str(tmp_path),
    }

    result = run_jifen("demo", *SMALL, **settings)
    again = run_jifen("demo", *SMALL, **settings)

    assert result.exit_code == 0, result.stderr
    for label in ("issued", "expired", "closing", "utilisation", "PINGAN"):
        assert f"  {label} " in result.stdout
    assert "insufficient_points" in result.stdout
    # The sandbox was asked over HTTP, and took money on its page.
    assert "the shop lived for 14 days" in result.stdout
    assert "cards paid 0.00" not in result.stdout
    assert "200 miles is confirmed, at an airline that answers" in result.stdout
    assert "play in a tournament" in result.stdout
    assert re.search(r"by hand [1-9] times, .* [1-9] requests wait", result.stdout)
    assert "0 places are booked" not in result.stdout
    assert "ticked off and signed" in result.stdout
    assert "a statement of" in result.stdout
    assert re.search(r"matched to [\d.]+ % with 4 breaks", result.stdout)
    assert "the books are proved" in result.stdout
    rejects = tmp_path / "demo/files/2007-10/redemptions-0001.csv.rejects.csv"
    assert "insufficient_points" in rejects.read_text(encoding="utf-8")
    # What is in the database now may be somebody's own, and so is the first run.
    assert_refused(again, "empty database")
    assert rejects.exists()


def test_a_folder_that_no_demo_has_made_is_left_alone(run_jifen, tmp_path):
    precious = tmp_path / "demo" / "precious"
    precious.parent.mkdir()
    precious.touch()

    result = run_jifen("demo", *SMALL, JIFEN_DATA_DIR=str(tmp_path))

    assert_refused(result, "no demo has written")
    assert precious.exists()


@pytest.mark.parametrize(
    "options",
    [("--members", 0), ("--months", 0), ("--start", "2007-13"), ("--start", "now")],
)
def test_a_plan_that_cannot_be_is_wrong_usage(run_jifen, options):
    result = run_jifen("demo", *options, JIFEN_DATABASE_URL=NOWHERE)

    assert result.exit_code == 2
    assert "Usage:" in result.stderr
