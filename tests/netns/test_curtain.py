"""What comes in behind a curtain does not reach the host's stack; it goes with its owner."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest

from snoop.lab import Lab, namespaces, wait_until
from snoop.links.curtain import Curtain
from snoop.namespace import inside

OURS = "10.0.0.99"
PORT = 4711


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A host, and beyond its cable a stack that answers for OURS at any interface."""
    with Lab(1) as made:
        loopback = namespaces.index_of(made.link, "lo")
        made.link.addr("add", index=loopback, address=OURS, prefixlen=32)
        made.link.link("set", index=loopback, state="up")
        port = namespaces.index_of(made.link, "p0")
        made.link.route("add", dst=f"{made.h(0).address}/32", oif=port)
        yield made


def is_answered(lab: Lab) -> bool:
    """Does that stack resolve, and refuse a connection?"""
    with lab.h(0).inside():
        sock = socket.socket()
    with sock:
        sock.settimeout(0.3)
        try:
            sock.connect((OURS, PORT))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def tables(lab: Lab) -> str:
    with inside(lab.namespace):
        return subprocess.run(
            ["nft", "list", "tables"], check=True, capture_output=True, text=True
        ).stdout


def test_the_stack_is_reached_before_and_after_and_not_behind_it(lab: Lab) -> None:
    port = namespaces.index_of(lab.link, "p0")
    wait_until(lambda: is_answered(lab), within=20)
    curtain = Curtain()
    curtain._sequence = 0xFFFF_FFFF  # of its questions, and there are more
    with inside(lab.namespace):
        assert curtain.draw(port)
        assert "snoop-" in tables(lab)
        assert not is_answered(lab)
        assert curtain.draw(port)  # again, as for a port that is opened anew
        curtain.lift(port)
        wait_until(lambda: is_answered(lab), within=20)
        assert not tables(lab)
        assert curtain.draw(port)
    curtain.close()  # as the kernel does for who dies
    wait_until(lambda: not tables(lab), within=20)


def test_an_interface_that_is_not_there_has_none_and_others_do(lab: Lab) -> None:
    curtain = Curtain()
    with inside(lab.namespace):
        assert not curtain.draw(9999)
        assert curtain.draw(namespaces.index_of(lab.link, "p0"))
        lab.unplug("p0")
        curtain.close()
        assert not tables(lab)
