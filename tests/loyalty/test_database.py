import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from loyalty.database import (
    APPLICATION_ROLE,
    BadDatabaseURL,
    Database,
    DatabaseSilent,
    retrying,
)
from loyalty.settings import Settings


@pytest.fixture
def counter(empty_database):
    """A database with two rows to write to."""
    with empty_database.owner_engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (id int PRIMARY KEY, n int)"))
        connection.execute(text("INSERT INTO counter VALUES (1, 0), (2, 0)"))
        connection.execute(text("GRANT ALL ON counter TO PUBLIC"))
    return empty_database


def add_one(session: Session, row: int = 1) -> None:
    session.execute(text("UPDATE counter SET n = n + 1 WHERE id = :id"), {"id": row})


def count(database: Database, row: int = 1) -> int:
    with database.unit_of_work() as session:
        found = session.scalar(
            text("SELECT n FROM counter WHERE id = :id"), {"id": row}
        )
    assert isinstance(found, int)
    return found


def test_a_unit_of_work_commits_at_its_end(counter):
    with counter.unit_of_work() as session:
        add_one(session)

    assert count(counter) == 1


def test_a_unit_of_work_that_fails_changes_nothing(counter):
    def fail_half_way() -> None:
        with counter.unit_of_work() as session:
            add_one(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()

    assert count(counter) == 0


def test_application_connections_take_the_role_and_the_time_zone(fresh_database):
    with fresh_database.unit_of_work() as session:
        assert session.scalar(text("SELECT current_user")) == APPLICATION_ROLE
        assert session.scalar(text("SHOW timezone")) == "Asia/Shanghai"
        assert session.scalar(text("SHOW jit")) == "off"


def test_the_owner_keeps_its_own_rights(fresh_database):
    with fresh_database.owner_engine.connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == "postgres"


def test_the_session_fixture_forgets_what_was_committed(session, database):
    session.execute(text("CREATE TEMPORARY TABLE fleeting (id int)"))
    session.commit()

    with database.engine.connect() as other:
        assert other.scalar(text("SELECT to_regclass('pg_temp.fleeting')")) is None


def test_a_deadlock_is_retried_until_both_have_their_way(counter):
    meeting = threading.Barrier(2)
    errors = []

    def cross(first: int, second: int) -> None:
        tries = []

        def work(session: Session) -> None:
            tries.append(first)
            add_one(session, first)
            if len(tries) == 1:
                meeting.wait(timeout=30)
            add_one(session, second)

        try:
            retrying(counter, work)
        except Exception as error:  # noqa: BLE001 - told to the main thread
            errors.append(error)

    rivals = [threading.Thread(target=cross, args=rows) for rows in ((1, 2), (2, 1))]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join(timeout=60)

    assert errors == []
    assert count(counter, 1) == count(counter, 2) == 2


def test_a_connection_that_is_ended_from_outside_is_retried(counter):
    tries = []

    def work(session: Session) -> None:
        add_one(session)
        tries.append(1)
        if len(tries) == 1:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
            with counter.owner_engine.connect() as other:
                other.execute(
                    text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend}
                )
            session.execute(text("SELECT 1"))

    retrying(counter, work)

    assert len(tries) == 2
    assert count(counter) == 1


def test_a_deterministic_error_flies_at_once(counter):
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("INSERT INTO counter VALUES (1, 0)"))

    with pytest.raises(IntegrityError):
        retrying(counter, work)
    assert len(tries) == 1


def test_the_last_failed_attempt_flies(counter):
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(
            text("DO $$ BEGIN RAISE serialization_failure; END $$"),
        )

    with pytest.raises(DBAPIError):
        retrying(counter, work, attempts_max=3)
    assert len(tries) == 3


@pytest.mark.parametrize("address", ["sqlite://", "not an address", "mysql://db/x"])
def test_only_postgresql_is_understood(address):
    with pytest.raises(BadDatabaseURL):
        Database.open(Settings(database_url=address))


def test_a_silent_database_is_told_apart_from_a_bad_statement():
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    with Database.open(settings) as database, pytest.raises(DatabaseSilent):
        database.check()
