"""What can go wrong with a job."""

from loyalty.errors import Missing, Refused


class UnknownJob(Missing):
    """There is no such job."""

    code = "unknown_job"

    def __init__(self, *, job: str, known: str) -> None:
        super().__init__(job=job, known=known)


class BooksUnsound(Refused):
    """The books do not agree with their transfers."""

    code = "books_unsound"

    def __init__(self, *, findings: int, first: str) -> None:
        super().__init__(findings=findings, first=first)
