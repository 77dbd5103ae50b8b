"""What commands share: an open database, closed when the command ends."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from loyalty.database import Database
from loyalty.settings import Settings

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
