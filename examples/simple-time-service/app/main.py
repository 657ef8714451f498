"""Tells the time, and who asked."""

from datetime import datetime, timezone
from ipaddress import ip_address

from fastapi import FastAPI, Request

app = FastAPI(title="Simple time service")


@app.get("/")
def now(request: Request) -> dict[str, str | None]:
    """The time in UTC, and the address of whoever asked."""
    peer = request.client.host if request.client else None
    return {
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "ip": caller(peer, request.headers.getlist("x-forwarded-for")),
    }


@app.get("/health")
def health() -> dict[str, str]:
    """What the load balancer asks for."""
    return {"status": "healthy"}


def caller(peer: str | None, forwarded_for: list[str]) -> str | None:
    """The address that a request comes from.

    A load balancer adds the address that it saw as the last one of `X-Forwarded-For`. All before
    it was sent by the caller, who may have written anything. And the header counts for nothing
    when it did not come from a load balancer, which has a private address.
    """
    if peer is None or not forwarded_for or not is_private(peer):
        return peer
    seen = without_port(forwarded_for[-1].rsplit(",", 1)[-1].strip())
    return seen if is_address(seen) else peer


def without_port(address: str) -> str:
    """The address alone, if a load balancer was told to add the caller's port."""
    if address.startswith("["):
        return address[1:].split("]", 1)[0]
    return address.split(":", 1)[0] if address.count(":") == 1 else address


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_private(address: str) -> bool:
    return is_address(address) and ip_address(address).is_private
