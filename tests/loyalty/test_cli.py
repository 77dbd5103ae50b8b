import pytest

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def assert_one_line(result, exit_code):
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_migrated_database_may_be_migrated_again(cli):
    first = cli("migrate")
    second = cli("init")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "schema at revision" in first.stdout


def test_a_database_that_does_not_answer_is_one_line(run_jifen):
    assert_one_line(run_jifen("migrate", JIFEN_DATABASE_URL=NOWHERE), 1)


def test_an_address_that_is_none_is_one_line(run_jifen):
    assert_one_line(run_jifen("migrate", JIFEN_DATABASE_URL="sqlite://"), 1)


def test_a_data_folder_that_cannot_be_is_one_line(run_jifen, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("in the way")

    result = run_jifen("migrate", JIFEN_DATA_DIR=str(occupied))

    assert_one_line(result, 1)


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("migrate", "--nonsense"), ("serve", "--port", "0")]
)
def test_wrong_usage_exits_with_two(run_jifen, arguments):
    result = run_jifen(*arguments, JIFEN_DATABASE_URL=NOWHERE)

    assert result.exit_code == 2
    assert "Usage:" in result.stderr


@pytest.mark.parametrize("command", [(), ("init",), ("migrate",), ("serve",)])
def test_every_command_explains_itself(run_jifen, command):
    result = run_jifen(*command, "--help")

    assert result.exit_code == 0
    assert "Usage:" in result.stdout
