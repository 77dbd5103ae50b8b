"""Why a file is not loaded: each is one sentence, and leaves nothing behind."""

from loyalty.errors import Conflict, Refused, Unavailable


class BadManifest(Refused):
    """The manifest is not one."""

    code = "bad_manifest"

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class MalformedFile(Refused):
    """The file cannot be read as the CSV of its feed."""

    code = "malformed_file"

    def __init__(self, *, line: int, reason: str) -> None:
        super().__init__(line=line, reason=reason)


class ManifestDisagrees(Refused):
    """The file is not what its manifest says."""

    code = "manifest_disagrees"

    def __init__(self, *, key: str, manifest: object, file: object) -> None:
        super().__init__(key=key, manifest=manifest, file=file)


class SequenceGap(Refused):
    """The file is not the next one of its sender."""

    code = "sequence_gap"

    def __init__(self, *, sequence: int, expected: int) -> None:
        super().__init__(sequence=sequence, expected=expected)


class SequenceUsed(Conflict):
    """The sequence number belongs to another file."""

    code = "sequence_used"

    def __init__(self, *, sequence: int, sha256: str) -> None:
        super().__init__(sequence=sequence, sha256=sha256)


class LoadInterrupted(Conflict):
    """An earlier file of this sender was interrupted: load it again first."""

    code = "load_interrupted"

    def __init__(self, *, sequence: int) -> None:
        super().__init__(sequence=sequence)


class LinesLost(Unavailable):
    """The database crashed during the load: load the file again to complete it."""

    code = "lines_lost"

    def __init__(self, *, sequence: int) -> None:
        super().__init__(sequence=sequence)


class LoadRunning(Unavailable):
    """Another load of this feed and sender is running."""

    code = "load_running"

    def __init__(self, *, feed: str, sender: str) -> None:
        super().__init__(feed=feed, sender=sender)
