"""`python -m services.gateway serve`: the portal and the API, until SIGTERM or SIGINT."""

from __future__ import annotations

import faulthandler
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from services.chassis import shared_metrics
from services.chassis.environment import EXIT_SETTINGS, SettingsError, load
from services.gateway.settings import Settings, Workers

if TYPE_CHECKING:
    from services.gateway.server import GatewayServer

ROLES = ("serve", "all")


def main() -> None:
    """Check what can be checked before the first worker starts, then serve; ends the process."""
    faulthandler.enable()
    arguments = sys.argv[1:]
    if len(arguments) != 1 or arguments[0] not in ROLES:
        sys.exit("Say what the gateway shall do: python -m services.gateway serve")
    figures = None
    try:
        figures = _shared_figures()
        settings = load(Settings)
        if not figures:
            _check_free(settings.http_address)
        server = _prepared(settings, figures)
    except (SettingsError, OSError, ValueError) as wrong:
        if figures:
            shared_metrics.end(figures)
        if isinstance(wrong, SettingsError):
            print(wrong, file=sys.stderr)
            sys.exit(EXIT_SETTINGS)
        sys.exit(str(wrong))
    sys.argv = sys.argv[:1]  # gunicorn reads no arguments of ours
    server.run()


def _shared_figures() -> Path | None:
    """Where several workers count together; one alone counts in its memory. Of another gateway at the same address nothing is
    touched: raises OSError with a sentence."""
    try:
        told = load(Workers)
    except SettingsError:
        return None  # said in a moment, with everything else that is wrong
    if told.web_workers < 2:
        return None
    _check_free(told.http_address)
    return shared_metrics.begin(f"gateway-{told.http_address.rpartition(':')[2]}")


def _prepared(settings: Settings, figures: Path | None) -> GatewayServer:
    """The server, when it has what it needs. What counts is imported here, once it is decided how."""
    from services.chassis.grpc.tokens import TokenSigner
    from services.chassis.telemetry import configure_logging, logger
    from services.gateway.secret import gateway_secret
    from services.gateway.server import GatewayServer

    configure_logging("gateway", settings.log_level)
    gateway_secret(settings)
    TokenSigner(settings.keys_dir, "gateway")
    logger().info("started", address=settings.http_address)
    return GatewayServer(settings, figures)


def _check_free(address: str) -> None:
    """Raises OSError with a sentence when another program listens there."""
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as taken:
            raise OSError(
                f"{address} cannot be listened on ({taken.strerror}): choose another with COOP_HTTP_ADDRESS."
            ) from taken


if __name__ == "__main__":
    main()
