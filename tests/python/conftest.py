"""What the tests share: the program under test."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def binary() -> Path:
    """The program, as `cargo test --test python -- --ignored` names it."""
    named = os.environ.get("PROVISION_BIN")
    if named is None:
        pytest.skip("PROVISION_BIN names no binary to test")
    return Path(named).resolve()
