"""Read which files were loaded, and which of their lines were not."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.feeds.manifest import Manifest
from loyalty.feeds.models import FeedFile, FeedReject

_ROWS_AT_ONCE = 5000


def feed_file(session: Session, *, manifest: Manifest) -> FeedFile | None:
    """Return the accepted file with the number a manifest names; None: none yet."""
    return session.scalar(
        select(FeedFile).where(
            FeedFile.feed == manifest.feed,
            FeedFile.sender == manifest.sender,
            FeedFile.sequence == manifest.sequence,
        )
    )


def last_file(session: Session, *, feed: str, sender: str) -> FeedFile | None:
    """Return the newest accepted file of a sender; None: none yet."""
    return session.scalar(
        select(FeedFile)
        .where(FeedFile.feed == feed, FeedFile.sender == sender)
        .order_by(FeedFile.sequence.desc())
        .limit(1)
    )


def rejects(session: Session, *, feed_file: int) -> Iterator[FeedReject]:
    """Give the rejected lines of a file in its order, however many they are."""
    statement = (
        select(FeedReject)
        .where(FeedReject.feed_file == feed_file)
        .order_by(FeedReject.line_no)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    yield from session.scalars(statement)
