"""Programs that pip cannot bring; `make setup` installs them where it may."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """Return where a program is; a test that needs one that is not here is skipped.

    Not where every change is checked: there it fails.
    """
    found = shutil.which(name)
    if found is not None:
        return found
    reason = f"{name} is not here: make setup installs it where it may"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
