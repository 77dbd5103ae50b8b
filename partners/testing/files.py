"""What must hold of a place where files are put: whole or not at all, and once."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from partners.ports import FileExchange, Outcome

_ONE, _OTHER = b"TH,the file\n", b"TH,another file\n"


@dataclass(frozen=True, slots=True)
class FilesBench:
    """An adapter, and the other side of the place under control."""

    exchange: FileExchange
    nobody: FileExchange  # the same, with a place that is gone
    bring: Callable[[], str]  # the partner brings a file whole; returns its name
    bring_late: Callable[[], str]  # without its signature, until `finish`
    finish: Callable[[], None]
    brought: Callable[[str], bytes]  # what the partner brought under a name
    # What of ours lies there under a name, with its signature; None: nothing.
    found: Callable[[str], tuple[bytes, str] | None]


class FilesContract:
    """A file is fetched whole, put whole, and dealt with once, whatever is repeated.

    Give a fixture `bench` whose place is empty.
    """

    def test_a_file_waits_once_it_is_whole(self, bench):
        name = bench.bring_late()
        assert bench.exchange.waiting().names == ()
        assert bench.exchange.fetch(name).outcome is Outcome.ABSENT

        bench.finish()

        waiting = bench.exchange.waiting()
        assert (waiting.outcome, waiting.names) == (Outcome.CONFIRMED, (name,))
        assert bench.exchange.fetch(name).content == bench.brought(name)

    def test_files_wait_in_the_order_of_their_names(self, bench):
        names = [bench.bring() for _ in range(3)]

        assert bench.exchange.waiting().names == tuple(sorted(names))

    def test_what_is_fetched_stays_and_is_the_same_again(self, bench):
        name = bench.bring()

        first, second = (bench.exchange.fetch(name) for _ in range(2))

        assert first == second
        assert first.outcome is Outcome.CONFIRMED
        assert first.content == bench.brought(name)
        assert first.signature
        assert bench.exchange.waiting().names == (name,)

    def test_what_was_put_stays_as_it_is(self, bench):
        digest = hashlib.sha256(_ONE).hexdigest()
        assert bench.exchange.look_up("A.csv").outcome is Outcome.ABSENT

        first = bench.exchange.put("A.csv", _ONE, "its signature")
        again = bench.exchange.put("A.csv", _ONE, "its signature")
        other = bench.exchange.put("A.csv", _OTHER, "another")

        assert (first.outcome, first.partner_ref) == (Outcome.CONFIRMED, digest)
        assert again == first
        assert other.outcome is Outcome.DECLINED
        assert bench.exchange.look_up("A.csv") == first
        assert bench.found("A.csv") == (_ONE, "its signature")

    def test_what_was_put_does_not_wait_to_be_fetched(self, bench):
        bench.exchange.put("A.csv", _ONE, "its signature")

        assert bench.exchange.waiting().names == ()

    def test_a_file_is_archived_once_and_by_its_hash_alone(self, bench):
        name = bench.bring()
        digest = hashlib.sha256(bench.exchange.fetch(name).content).hexdigest()
        wrong = bench.exchange.archive(name, sha256="0" * 64)
        assert wrong.outcome is Outcome.DECLINED
        assert bench.exchange.waiting().names == (name,)

        first = bench.exchange.archive(name, sha256=digest)
        again = bench.exchange.archive(name, sha256=digest)

        assert (first.outcome, again) == (Outcome.CONFIRMED, first)
        assert bench.exchange.waiting().names == ()
        never = bench.exchange.archive("NEVER0001.csv", sha256=digest)
        assert never.outcome is Outcome.ABSENT

    @pytest.mark.parametrize("name", ["../secret", "a/b", ".hidden", "", "a\0b"])
    def test_no_name_leads_elsewhere(self, bench, name):
        assert bench.exchange.fetch(name).outcome is Outcome.ABSENT
        assert bench.exchange.look_up(name).outcome is Outcome.ABSENT
        assert bench.exchange.put(name, b"", "").outcome is Outcome.DECLINED
        archived = bench.exchange.archive(name, sha256="0" * 64)
        assert archived.outcome is Outcome.DECLINED

    def test_of_a_place_that_is_gone_nothing_is_known(self, bench):
        nobody = bench.nobody

        for answer in (
            nobody.waiting(),
            nobody.fetch("A.csv"),
            nobody.put("A.csv", _ONE, "its signature"),
            nobody.look_up("A.csv"),
            nobody.archive("A.csv", sha256="0" * 64),
        ):
            assert answer.outcome is Outcome.UNKNOWN
            assert answer.reason
