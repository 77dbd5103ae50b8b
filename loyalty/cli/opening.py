"""What commands share: what they need, and an open database until they end."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from loyalty.database import Database
from loyalty.settings import Settings
from loyalty.staff.operations import permit
from loyalty.staff.rules import Permission

P = ParamSpec("P")
R = TypeVar("R")


def with_database(
    command: Callable[Concatenate[Database, P], R],
) -> Callable[P, R]:
    """Hand an open database to a command as its first argument."""

    @wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        with Database.open(Settings.from_environment()) as database:
            return command(database, *arguments, **options)

    return run


def needs(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Say what a command needs of the member of staff whom JIFEN_STAFF names.

    Where it names nobody, whoever operates the machine may do everything.
    """

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @wraps(command)
        def run(*arguments: P.args, **options: P.kwargs) -> R:
            settings = Settings.from_environment()
            if settings.staff is not None:
                with (
                    Database.open(settings) as database,
                    database.unit_of_work() as session,
                ):
                    permit(session, login=settings.staff, permission=permission)
            return command(*arguments, **options)

        run.needs = permission  # type: ignore[attr-defined]
        return run

    return decorate
