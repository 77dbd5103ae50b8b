"""A partner's files: taken whole or not at all, once, and answered (domain.md 3.2)."""

import csv
import json
from pathlib import Path

import pytest

from loyalty.feeds.fetching import Fetched, fetch_files
from partners.adapters.folder import FolderSettings, open_folder
from partners.adapters.sftp import SftpSettings, open_sftp
from partners.ports import Outcome, Receipt
from partners.sandbox.files_server import FilesSandbox
from partners.sandbox.manners import Manner

WANG_CARD, NOBODY = "6226-1", "6226-404"


def record(ref, amount, account=WANG_CARD):
    return (ref, account, "card", "2007-12-09", amount, "CNY", "5411", "")


THREE = [record(f"T-{n}", f"{n}00.00") for n in (1, 2, 3)]
ONE_TAKEN, ONE_REFUSED, ONE_LEFT = Fetched(taken=1), Fetched(refused=1), Fetched(left=1)


@pytest.fixture
def sandbox():
    with FilesSandbox(code="CEB", provider="CEBA") as sandbox:
        yield sandbox


@pytest.fixture(params=["folder", "sftp"])
def exchange(request, sandbox):
    if request.param == "sftp":
        return open_sftp(SftpSettings(**sandbox.settings))
    return open_folder(FolderSettings(**sandbox.signing, folder=str(sandbox.root)))


@pytest.fixture
def poll(fresh_database, exchange):
    return lambda at=exchange: fetch_files(fresh_database, at)


@pytest.fixture
def earned(programme):
    return lambda: programme.member("WANG").universal[0]


@pytest.fixture
def audits(sandbox, exchange):
    """The audit files, each with a signature that is ours, by name."""

    def read():
        found = {}
        for path in sorted((sandbox.root / "out").glob("*.csv")):
            signature = Path(f"{path}.sig").read_text(encoding="ascii")
            assert signature == exchange.agreement.sign(path.read_bytes())
            with path.open(encoding="utf-8", newline="") as file:
                found[path.name] = list(csv.reader(file))
        return found

    return read


def folder(sandbox, name):
    return sorted(path.name for path in (sandbox.root / name).glob("*.csv"))


def test_a_file_is_posted_answered_and_archived(sandbox, poll, earned, audits):
    sandbox.bring([*THREE, record("T-4", "50.00", NOBODY), record("T-5", "x")])

    assert poll() == ONE_TAKEN

    assert earned() == 60
    (rows,) = audits().values()
    assert rows[0][-5:] == ["TAKEN", "3", "600.00", "2", "50.00"]
    assert [row[-2:] for row in rows[1:-1]] == [
        ["A", ""],
        ["A", ""],
        ["A", ""],
        ["E", "unknown_account"],
        ["E", "amount: not yuan with two decimals"],
    ]
    assert rows[-1] == ["TT", "3", "600.00", "2", "50.00"]
    assert folder(sandbox, "in") == []
    assert len(folder(sandbox, "archive")) == 1
    assert poll() == Fetched()


@pytest.mark.parametrize(
    ("manner", "fault"),
    [
        (Manner.MISMATCHED, "TOTAL_MISMATCH"),
        (Manner.TAMPERED, "SIGNATURE_WRONG"),
        (Manner.SHORT, "FILE_SHORT"),
    ],
)
def test_a_bad_file_posts_nothing_and_the_right_one_may_follow(
    *, sandbox, poll, earned, audits, manner, fault
):
    name = sandbox.bring(THREE, manner)

    assert poll() == ONE_REFUSED
    assert earned() == 0
    (rows,) = audits().values()
    assert (rows[0][1], rows[0][3], rows[-1]) == (name, fault, ["TT", "0", "0.00"])
    assert folder(sandbox, "in") == []

    sandbox.bring_as(1, THREE)
    assert poll() == ONE_TAKEN
    assert earned() == 60


def test_a_file_after_a_gap_waits_for_what_is_missing(sandbox, poll, earned, audits):
    sandbox.bring(THREE, Manner.OUT_OF_SEQUENCE)

    assert poll() == poll() == ONE_LEFT
    assert earned() == 0
    (rows,) = audits().values()
    assert rows[0][3] == "SEQUENCE_GAP"

    sandbox.bring_as(1, [record("T-0", "10.00")])
    assert poll() == Fetched(taken=2)
    assert earned() == 61


def test_the_same_file_twice_posts_once_and_is_answered_the_same(
    sandbox, poll, earned, audits
):
    sandbox.bring_as(1, THREE)
    assert poll() == ONE_TAKEN
    first = audits()

    sandbox.bring_as(1, THREE)

    assert poll() == ONE_TAKEN
    assert earned() == 60
    assert audits() == first


def test_another_file_under_a_used_number_is_refused(sandbox, poll, earned, audits):
    sandbox.bring_as(1, THREE)
    poll()

    sandbox.bring_as(1, [record("T-9", "900.00")])

    assert poll() == ONE_REFUSED
    assert earned() == 60
    assert {rows[0][3] for rows in audits().values()} >= {"SEQUENCE_USED"}


def test_records_that_were_posted_before_are_warned_of(sandbox, poll, earned, audits):
    sandbox.bring(THREE, Manner.DUPLICATED)
    sandbox.bring([THREE[1], record("T-3", "1.00"), record("T-4", "400.00")])

    assert poll() == Fetched(taken=2)

    assert earned() == 100
    first, second = audits().values()
    assert [row[-2:] for row in first[1:-1]] == [["A", ""]] * 3 + [
        ["W", "already_booked"]
    ]
    assert [row[-2] for row in second[1:-1]] == ["W", "E", "A"]


def test_a_late_file_is_taken_when_it_is_complete(sandbox, poll, earned):
    sandbox.bring(THREE, Manner.LATE)
    assert poll() == Fetched()

    sandbox.finish()

    assert poll() == ONE_TAKEN
    assert earned() == 60


def test_a_partner_speaks_for_itself_alone(sandbox, poll, earned, audits):
    sandbox.bring([record("T-1", "100.00", "MU-1")])

    assert poll() == ONE_TAKEN

    assert earned() == 0
    (rows,) = audits().values()
    assert rows[1][-2:] == ["E", "unknown_account"]


class Unlucky:
    """An exchange that loses the line when it is to be told something."""

    def __init__(self, exchange, *broken):
        self._exchange, self._broken = exchange, broken

    def __getattr__(self, name):
        if name in self._broken:
            return lambda *_, **__: Receipt(Outcome.UNKNOWN)
        return getattr(self._exchange, name)


@pytest.mark.parametrize("broken", ["put", "archive"])
def test_what_was_posted_and_not_answered_is_completed_by_the_next_poll(
    *, sandbox, exchange, poll, earned, audits, broken
):
    sandbox.bring(THREE)
    assert poll(Unlucky(exchange, broken)) == ONE_LEFT
    assert earned() == 60
    assert len(folder(sandbox, "in")) == 1

    assert poll() == ONE_TAKEN

    assert earned() == 60
    assert folder(sandbox, "in") == []
    (rows,) = audits().values()
    assert [row[-2] for row in rows[1:-1]] == ["A", "A", "A"]


def test_the_job_polls_every_partner_and_says_whom_it_missed(
    *, programme, sandbox, earned, tmp_path, monkeypatch
):
    adapters = tmp_path / "adapters_of_test-1.dist-info"
    adapters.mkdir()
    (adapters / "METADATA").write_text("Name: adapters-of-test\nVersion: 1\n")
    (adapters / "entry_points.txt").write_text(
        "[jifen.partners]\nfolder = partners.adapters.folder:PLUGIN\n"
        "sftp = partners.adapters.sftp:PLUGIN\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with FilesSandbox(code="SHOP", provider="SHOP") as gone:
        pass
    partners = tmp_path / "partners.toml"
    partners.write_text(table(sandbox.settings) + table(gone.settings))
    monkeypatch.setenv("JIFEN_PARTNERS", str(partners))
    sandbox.bring(THREE)

    said = programme.run("fetch-files", "2007-12-10")

    assert said == "1 files taken, 0 refused, 0 left, 1 partners not reached"
    assert earned() == 60


def table(settings):
    """Write what JIFEN_PARTNERS says of a partner."""
    told = settings | {"adapter": "sftp"}
    lines = (f"{key} = {json.dumps(value)}" for key, value in told.items())
    return "\n".join((f"[{settings['code']}]", *lines, ""))


def test_a_place_that_cannot_be_reached_is_polled_again(fresh_database, earned):
    with FilesSandbox(code="CEB", provider="CEBA") as sandbox:
        exchange = open_sftp(SftpSettings(**sandbox.settings))

    done = fetch_files(fresh_database, exchange)

    assert (done, earned()) == (Fetched(unreached=1), 0)
