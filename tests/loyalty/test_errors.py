from loyalty.errors import Conflict, Refused


class TooFew(Refused):
    """There are too few.

    More about it, which no one reads aloud.
    """

    code = "too_few"

    def __init__(self, *, needed: int, available: int) -> None:
        super().__init__(needed=needed, available=available)


def test_the_docstring_is_the_sentence():
    assert TooFew(needed=2, available=1).title == "There are too few."


def test_one_line_tells_the_sentence_and_the_facts():
    assert str(TooFew(needed=2, available=1)) == (
        "There are too few (needed: 2, available: 1)"
    )
    assert str(Conflict()) == "It contradicts what is already there."


def test_the_facts_are_kept_as_they_were_given():
    assert TooFew(needed=2, available=1).facts == {"needed": 2, "available": 1}
