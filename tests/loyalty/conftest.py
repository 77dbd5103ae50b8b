"""Files as senders deliver them, and what becomes of them."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select, text

from loyalty.feeds.formats import FEEDS, LAYOUTS
from loyalty.feeds.loading import load
from loyalty.feeds.models import FeedFile, FeedReject


def header_of(feed):
    return ",".join(column.name for column in LAYOUTS[feed].columns)


@pytest.fixture
def deliver(tmp_path):
    """Write a file with its manifest; the manifest tells the truth unless told."""
    delivered: Counter[str] = Counter()

    def write(feed, /, *lines, body=None, leave_out=(), name=None, **manifest):
        delivered[feed] += 1
        if body is None:
            body = "".join(f"{line}\n" for line in (header_of(feed), *lines)).encode()
        path = tmp_path / (name or f"{feed}-{delivered[feed]}.csv")
        path.write_bytes(body)
        truth = {
            "feed": feed,
            "sequence": delivered[feed],
            "records": len(lines),
            "total": len(lines),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        said = {k: v for k, v in (truth | manifest).items() if k not in leave_out}
        path.with_name(f"{path.name}.manifest.json").write_text(json.dumps(said))
        return path

    return write


@dataclass(frozen=True)
class Loaded:
    """What became of the lines of a file."""

    counts: tuple[int, int, int]  # booked, already booked, rejected
    reasons: dict[int, str]


@pytest.fixture
def load_lines(fresh_database, deliver):
    """Deliver lines of a feed, load them, and tell what became of them."""

    def run(feed, *lines):
        answer = load(fresh_database, FEEDS[feed], deliver(feed, *lines))
        with fresh_database.unit_of_work() as session:
            rejects = session.scalars(
                select(FeedReject).where(
                    FeedReject.feed_file
                    == select(func.max(FeedFile.id)).scalar_subquery()
                )
            )
            reasons = {reject.line_no: reject.reason for reject in rejects}
        return Loaded((answer.booked, answer.already_booked, answer.rejected), reasons)

    return run


@pytest.fixture
def rows(fresh_database):
    """Ask the fresh database a question."""

    def ask(statement, **facts):
        with fresh_database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement), facts)]

    return ask


@pytest.fixture
def change(fresh_database):
    """Change the fresh database as the application could."""

    def do(statement, **facts):
        with fresh_database.unit_of_work() as session:
            session.execute(text(statement), facts)

    return do


@pytest.fixture
def line_of():
    """Write a line of the subscribers' feed; what is not told is ordinary."""

    def write(member="M1", msisdn="13300000001", **told):
        facts = {
            "name": "王芳",
            "id_hash": f"hash-of-{member}",
            "network": "CDMA",
            "brand": "up",
            "pay_type": "postpaid",
            "activated_on": "2005-03-01",
            "city": "广州",
            "county": "",
            "hall": "",
            "group_ref": "",
            "phone_contact": "",
            "email": "",
        } | told
        return ",".join(
            {"member_ref": member, "msisdn": msisdn, **facts}[column.name]
            for column in LAYOUTS["subscribers"].columns
        )

    return write
