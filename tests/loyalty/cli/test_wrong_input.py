"""Every command explains itself, and answers wrong input with one clear line."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import click
import psycopg
import pytest
from sqlalchemy.exc import OperationalError, PendingRollbackError

import loyalty.cli
from loyalty.cli import jifen
from loyalty.demo.files import write_feed
from loyalty.feeds.formats import FEEDS

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
BILL = ("B-1", "13300000001", "2007-10", "2007-10-05", "2007-10-25", "100.00")


def paths(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, below in sorted(command.commands.items()):
            yield from paths(below, *path, name)


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    exit_code: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def here(capsys, monkeypatch, fresh_database):
    """Run a command on the fresh database in this process, which is quicker."""
    monkeypatch.setenv("JIFEN_DATABASE_URL", fresh_database.dsn)
    return lambda *arguments: Result(*run(capsys, *arguments))


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        loyalty.cli.main([str(argument) for argument in arguments])
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize("path", list(paths(jifen)))
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(capsys, path, option):
    code, stdout, stderr = run(capsys, *path, option)

    assert code == 0
    assert stdout.startswith("Usage:")
    assert "." in stdout.split("\n\n")[1]
    assert stderr == ""


def test_the_columns_of_every_feed_are_listed(capsys):
    _, stdout, _ = run(capsys, "load", "--help")

    listed = stdout.split("Columns of the feeds:")[1]
    said = dict(
        re.findall(r"^ *([a-z-]+):\n((?: +[a-z_, ]+\n)+)", listed, re.MULTILINE)
    )
    assert {
        feed: re.findall(r"[a-z_]+", columns) for feed, columns in said.items()
    } == {name: [column.name for column in FEEDS[name].columns] for name in FEEDS}


@pytest.mark.parametrize("path", list(paths(jifen)))
def test_every_command_refuses_what_it_does_not_know(capsys, path):
    code, stdout, stderr = run(capsys, *path, "--nonsense")

    assert code == 2
    assert stdout == ""
    assert "Usage:" in stderr
    assert stderr.splitlines()[-1].startswith("Error: ")
    assert "--nonsense" in stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("load", "nonsense", "x.csv"), "nonsense"),
        (("load", "bills"), "FILE"),
        (("load", "bills", "x.csv", "--workers", "0"), "--workers"),
        (("run-job", "expire-points", "2007-11-31"), "2007-11-31"),
        (("run-job", "expire-points", "tomorrow"), "tomorrow"),
        (("run-job", "expire-points"), "DATE"),
        (("close-month", "2007-13"), "2007-13"),
        (("close-month",), "YYYY-MM"),
        (("report", "month", "--period", "October"), "October"),
        (("member", "show"), "MEMBER_REF"),
        (("ledger", "export", "--format", "nonsense"), "nonsense"),
        (("bench", "nonsense"), "nonsense"),
        (("demo", "--members", "many"), "many"),
        (("serve", "--port", "99999"), "99999"),
    ],
)
def test_wrong_usage_is_told_in_one_line(capsys, monkeypatch, arguments, complaint):
    monkeypatch.setenv("JIFEN_DATABASE_URL", NOWHERE)

    code, stdout, stderr = run(capsys, *arguments)

    assert code == 2
    assert stdout == ""
    *usage, error = stderr.splitlines()
    assert usage[0].startswith("Usage: ")
    assert error.startswith("Error: ")
    assert complaint in error


def test_a_job_that_is_none_is_one_line(here):
    result = here("run-job", "nonsense", "2007-11-01")

    assert_one_line(result, "nonsense", "expire-points, cancel-unpaid")


def test_a_file_that_is_none_is_one_line(here, tmp_path):
    path = tmp_path / "bills-0001.csv"

    assert_one_line(here("load", "bills", path), f"{path.name}.manifest.json")

    write_feed(tmp_path, "bills", 1, [BILL])
    path.unlink()

    assert_one_line(here("load", "bills", path), path.name, "No such file")

    path.mkdir()

    assert_one_line(here("load", "bills", path), path.name, "directory")


def test_a_manifest_that_is_none_is_one_line(here, tmp_path):
    path = write_feed(tmp_path, "bills", 1, [BILL])
    manifest = tmp_path / "bills-0001.csv.manifest.json"
    right = json.loads(manifest.read_text())

    for wrong in ("", "[]", "{", "\udcff", json.dumps(right | {"records": "one"})):
        manifest.write_bytes(wrong.encode(errors="surrogateescape"))
        assert_one_line(here("load", "bills", path))
    manifest.unlink()
    assert_one_line(here("load", "bills", path), manifest.name)


def test_a_month_far_ahead_is_one_line(here):
    assert_one_line(here("close-month", "2099-01"), "2099-01")


def assert_one_line(result, *facts):
    assert result.exit_code == 1, result
    assert result.stdout == ""
    assert result.stderr.startswith("jifen: ")
    assert len(result.stderr.strip().splitlines()) == 1
    for fact in facts:
        assert fact in result.stderr


def lost():
    return psycopg.OperationalError("server closed the connection\n\tunexpectedly")


def wrapped():
    return OperationalError("SELECT 1", {}, lost())


def after():
    error = PendingRollbackError("Can't reconnect until it is rolled back")
    error.__context__ = wrapped()
    return error


def full():
    return psycopg.errors.DiskFull("no space left on device")


@pytest.mark.parametrize("error", [lost, wrapped, after, full])
def test_a_database_that_went_away_is_one_line(error):
    sentence = loyalty.cli._sentence(error())

    assert sentence is not None
    assert sentence.startswith("the database ")
    assert len(sentence.splitlines()) == 1


def test_a_mistake_of_ours_is_not_hidden():
    assert loyalty.cli._sentence(psycopg.errors.UndefinedColumn("no such")) is None
    assert loyalty.cli._sentence(PendingRollbackError("nothing before it")) is None
