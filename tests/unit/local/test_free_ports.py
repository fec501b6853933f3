"""Ports that tests and the local runner choose before their servers listen on them."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from services.local.ports import SINGLE, NoPortFree, free_port, free_ports


def test_no_port_is_given_out_twice_while_its_process_lives() -> None:
    given = [free_port() for _ in range(30)]
    assert len(set(given)) == 30 and set(given) <= set(SINGLE)


def test_another_process_is_not_given_what_this_one_holds() -> None:
    base = free_ports(range(30_000, 30_400, 4), 4)
    program = f"from services.local.ports import free_ports; free_ports([{base}], 4)"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"NoPortFree: No port is free between {base} and {base + 3}" in other.stderr


def test_a_range_with_one_port_in_use_is_not_taken() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        used = listener.getsockname()[1]
        with pytest.raises(NoPortFree):
            free_ports([used - 2], 4)
