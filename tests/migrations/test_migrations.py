import threading

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from loyalty.database import Database
from loyalty.migrate import (
    RoleUnavailable,
    check,
    config_for,
    current_revision,
    downgrade,
    migrate,
)


def revision_of(database: Database) -> str | None:
    with database.owner_engine.connect() as connection:
        return current_revision(connection)


def newest(database: Database) -> str | None:
    with database.owner_engine.connect() as connection:
        script = ScriptDirectory.from_config(config_for(connection))
    return script.get_current_head()


def test_the_schema_goes_up_and_down_and_up_again(empty_database):
    migrate(empty_database)
    assert revision_of(empty_database) == newest(empty_database)

    downgrade(empty_database, "base")
    assert revision_of(empty_database) is None

    migrate(empty_database)
    assert revision_of(empty_database) == newest(empty_database)


def test_nothing_is_left_after_going_down(empty_database):
    migrate(empty_database)
    downgrade(empty_database, "base")

    with empty_database.owner_engine.connect() as connection:
        left = connection.scalars(
            text(
                """
                SELECT relname FROM pg_class
                  JOIN pg_namespace ON pg_namespace.oid = relnamespace
                 WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'information_schema'
                UNION ALL
                SELECT proname FROM pg_proc
                  JOIN pg_namespace ON pg_namespace.oid = pronamespace
                 WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'information_schema'
                """
            )
        ).all()
    assert set(left) <= {"alembic_version", "alembic_version_pkc"}


def test_code_and_schema_agree(fresh_database):
    check(fresh_database)


def test_two_migrations_at_once_do_not_disturb_each_other(empty_database):
    errors = []

    def run() -> None:
        try:
            with Database(empty_database.engine.url) as database:
                migrate(database)
        except Exception as error:  # noqa: BLE001 - told to the main thread
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert errors == []
    assert revision_of(empty_database) == newest(empty_database)


@pytest.fixture
def poor_database(empty_database):
    """A database whose only login may not take the application's role."""
    login = "poor_login"
    name = empty_database.engine.url.database
    migrate(empty_database)
    with empty_database.owner_engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {login} LOGIN"))
        connection.execute(text(f'ALTER DATABASE "{name}" OWNER TO {login}'))
    with Database(empty_database.engine.url.set(username=login)) as database:
        yield database
    with empty_database.owner_engine.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER'))
        connection.execute(text(f"DROP OWNED BY {login}"))
        connection.execute(text(f"DROP ROLE {login}"))


def test_a_login_that_may_not_make_roles_is_told_what_to_ask_for(poor_database):
    with pytest.raises(RoleUnavailable) as told:
        migrate(poor_database)

    assert "GRANT jifen_app TO poor_login" in str(told.value)
