"""Book the lines of a partner's statement: its sender is the partner."""

from sqlalchemy.orm import Session

from loyalty.feeds.models import FeedFile
from loyalty.matching.lines import book_lines


def book_statement(session: Session, *, feed_file: int) -> None:
    """Keep what a partner has, line by line, to be matched with what we have."""
    sender = session.get_one(FeedFile, feed_file).sender
    book_lines(session, partner=sender, feed_file=feed_file)
