"""Runs the service as the container does, and asks it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.main import caller  # noqa: E402


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    # The socket is bound here and handed over, so nobody else can take its port in between.
    with socket.create_server(("127.0.0.1", 0)) as server_socket:
        descriptor = server_socket.fileno()
        command = [sys.executable, "-m", "uvicorn", "app.main:app", "--no-proxy-headers"]
        server = subprocess.Popen(
            [*command, "--fd", str(descriptor)], cwd=ROOT, pass_fds=[descriptor]
        )
        try:
            address = f"http://127.0.0.1:{server_socket.getsockname()[1]}"
            wait_until_it_answers(address, server)
            yield address
        finally:
            server.terminate()
            assert server.wait(timeout=10) in (0, -15)


def wait_until_it_answers(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        try:
            ask(address, "/health")
            return
        except (URLError, TimeoutError):
            time.sleep(0.1)
    pytest.fail("the service did not start")


def ask(address: str, path: str, headers: dict[str, str] | None = None) -> dict[str, str]:
    with urlopen(Request(address + path, headers=headers or {}), timeout=5) as answer:
        assert answer.status == 200
        return json.load(answer)


def test_it_is_healthy(address: str) -> None:
    assert ask(address, "/health") == {"status": "healthy"}


def test_it_tells_the_time_in_utc(address: str) -> None:
    told = datetime.fromisoformat(ask(address, "/")["timestamp"])
    assert told.utcoffset() == timedelta(0)
    assert abs(datetime.now(timezone.utc) - told) < timedelta(seconds=10)


def test_it_tells_the_callers_address(address: str) -> None:
    assert ask(address, "/")["ip"] == "127.0.0.1"


def test_only_the_load_balancers_word_is_taken(address: str) -> None:
    headers = {"X-Forwarded-For": "10.9.9.9, 203.0.113.7"}
    assert ask(address, "/", headers)["ip"] == "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.5", ["203.0.113.7:51034"], "203.0.113.7"),
        ("10.0.0.5", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.5", ["[2001:db8::1]:51034"], "2001:db8::1"),
        ("10.0.0.5", ["nonsense"], "10.0.0.5"),
        ("8.8.8.8", ["203.0.113.7"], "8.8.8.8"),
        (None, ["203.0.113.7"], None),
    ],
)
def test_the_caller_is(peer: str | None, forwarded_for: list[str], expected: str | None) -> None:
    assert caller(peer, forwarded_for) == expected
