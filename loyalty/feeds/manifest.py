"""The manifest beside a file: what its sender says is in it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from loyalty.feeds.errors import BadManifest, ManifestDisagrees

OPERATOR = "operator"  # who sends, unless the manifest names another
_BYTES_MAX = 64 * 1024
_REQUIRED = ("feed", "sequence", "records", "total", "sha256")
_SEQUENCE_MAX = 2**31 - 1
_TOTAL_MAX = 2**63 - 1
_SENDER = re.compile(r"[A-Za-z0-9._-]{1,32}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the sender of a file says about it."""

    feed: str
    sender: str
    sequence: int
    records: int
    total: int
    sha256: str


def manifest_path(path: Path) -> Path:
    """Return where the manifest of a file lies."""
    return path.with_name(f"{path.name}.manifest.json")


def read_manifest(path: Path, *, feed: str) -> Manifest:
    """Return the manifest of a file of a feed, checked for form."""
    found = _parsed(manifest_path(path))
    missing = [key for key in _REQUIRED if key not in found]
    if missing:
        raise BadManifest(reason=f"no {missing[0]!r}")
    unknown = sorted(found.keys() - {*_REQUIRED, "sender"})
    if unknown:
        raise BadManifest(reason=f"unknown key {unknown[0]!r}")
    manifest = Manifest(
        feed=_text(found, "feed"),
        sender=_sender(found),
        sequence=_number(found, "sequence", 1, _SEQUENCE_MAX),
        records=_number(found, "records", 0, _TOTAL_MAX),
        total=_number(found, "total", -_TOTAL_MAX, _TOTAL_MAX),
        sha256=_sha256(found),
    )
    if manifest.feed != feed:
        raise ManifestDisagrees(key="feed", manifest=manifest.feed, file=feed)
    return manifest


def _parsed(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        written = file.read(_BYTES_MAX + 1)
    if len(written) > _BYTES_MAX:
        raise BadManifest(reason=f"longer than {_BYTES_MAX} bytes")
    try:
        found = json.loads(
            written.decode("utf-8-sig"),
            object_pairs_hook=_once_each,
            parse_constant=_refuse_constant,
        )
    # Too many digits or brackets are no JSON of ours either.
    except (ValueError, RecursionError) as error:
        raise BadManifest(reason="not JSON in UTF-8") from error
    if not isinstance(found, dict):
        raise BadManifest(reason="not a JSON object")
    return found


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadManifest(reason="a key stands twice")
    return found


def _refuse_constant(constant: str) -> NoReturn:
    raise BadManifest(reason=f"{constant} is no JSON")


def _text(found: dict[str, Any], key: str) -> str:
    value = found[key]
    if not isinstance(value, str):
        raise BadManifest(reason=f"{key!r} is not text")
    return value


def _number(found: dict[str, Any], key: str, at_least: int, at_most: int) -> int:
    value = found[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadManifest(reason=f"{key!r} is not a whole number")
    if not at_least <= value <= at_most:
        raise BadManifest(reason=f"{key!r} is not between {at_least} and {at_most}")
    return value


def _sender(found: dict[str, Any]) -> str:
    if "sender" not in found:
        return OPERATOR
    sender = _text(found, "sender")
    if _SENDER.fullmatch(sender) is None:
        raise BadManifest(
            reason="'sender' is not 1 to 32 letters, digits, dots, dashes, underscores"
        )
    return sender


def _sha256(found: dict[str, Any]) -> str:
    sha256 = _text(found, "sha256")
    if _SHA256.fullmatch(sha256) is None:
        raise BadManifest(reason="'sha256' is not 64 hexadecimal digits")
    return sha256.lower()
