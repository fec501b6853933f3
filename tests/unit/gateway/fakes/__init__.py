"""The services behind the gateway, in memory: real gRPC servers with the real protos, access rules and tokens."""

from tests.unit.gateway.fakes.servers import FakeServices
from tests.unit.gateway.fakes.world import PASSWORD, World, invoice, money

__all__ = ["PASSWORD", "FakeServices", "World", "invoice", "money"]
