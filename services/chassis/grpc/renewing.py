"""A channel that goes on with new certificates when the old ones were replaced, without failing a call.

gRPC reads a client's certificate once per channel. This one stands in front of the real channel and asks for the current
identity at each call: when it has changed, later calls take a new channel, and the old one closes when its last call ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc

from services.chassis.grpc.certificates import CertificateFolder, Identity
from services.chassis.telemetry import logger


class _Generation:
    """One real channel with its multi-callables, and how many calls are under way on it."""

    def __init__(self, identity: Identity, channel: grpc.Channel) -> None:
        self.identity = identity
        self.channel = channel
        self._callables: dict[object, Any] = {}
        self._lock = threading.Lock()
        self._calls = 0
        self._retired = False

    def callable(self, key: object, make: Callable[[grpc.Channel], Any]) -> Any:
        with self._lock:
            if key not in self._callables:
                self._callables[key] = make(self.channel)
            return self._callables[key]

    def enter(self) -> bool:
        """Counts a call that begins; False when the channel takes no more."""
        with self._lock:
            if self._retired:
                return False
            self._calls += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._calls -= 1
            last = self._retired and self._calls == 0
        if last:
            # Not on this thread: it may be the one that serves the channel.
            threading.Thread(target=self.channel.close, name="old-channel", daemon=True).start()

    def retire(self) -> None:
        """No more calls; closes now or with the last one."""
        with self._lock:
            self._retired = True
            idle = self._calls == 0
        if idle:
            self.channel.close()


class _Callable:
    """A method of the service, on whichever channel is the current one."""

    def __init__(self, owner: RenewingChannel, make: Callable[[grpc.Channel], Any], answers_at_once: bool) -> None:
        self._owner = owner
        self._make = make
        self._answers_at_once = answers_at_once

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self._answers_at_once:
            return self._finish(lambda method: method(*arguments, **options))
        return self._begin(lambda method: method(*arguments, **options))

    def with_call(self, *arguments: Any, **options: Any) -> Any:
        return self._finish(lambda method: method.with_call(*arguments, **options))

    def future(self, *arguments: Any, **options: Any) -> Any:
        return self._begin(lambda method: method.future(*arguments, **options))

    def _finish(self, call: Callable[[Any], Any]) -> Any:
        """A call that has ended when it returns."""
        generation = self._owner.entered()
        try:
            return call(generation.callable(self, self._make))
        finally:
            generation.leave()

    def _begin(self, call: Callable[[Any], Any]) -> Any:
        """A call that goes on after it returned."""
        generation = self._owner.entered()
        try:
            begun = call(generation.callable(self, self._make))
        except BaseException:
            generation.leave()
            raise
        if not begun.add_callback(generation.leave):
            generation.leave()  # over already
        return begun


class RenewingChannel(grpc.Channel):
    """``open_channel`` makes a real channel with an identity."""

    def __init__(self, folder: CertificateFolder, open_channel: Callable[[Identity], grpc.Channel]) -> None:
        self._folder = folder
        self._open = open_channel
        self._lock = threading.Lock()
        identity = folder.current()
        self._generation = _Generation(identity, open_channel(identity))

    def entered(self) -> _Generation:
        """The current channel with a call counted on it."""
        while True:
            identity = self._folder.current()
            with self._lock:
                old = self._generation
                if identity is not old.identity:
                    self._generation = _Generation(identity, self._open(identity))
                generation = self._generation
            if generation is not old:
                logger().info("channel_renewed", ends_at=identity.ends_at.isoformat())
                old.retire()
            if generation.enter():
                return generation

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        return _Callable(self, lambda channel: channel.unary_unary(*arguments, **options), True)

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        return _Callable(self, lambda channel: channel.unary_stream(*arguments, **options), False)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        return _Callable(self, lambda channel: channel.stream_unary(*arguments, **options), True)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        return _Callable(self, lambda channel: channel.stream_stream(*arguments, **options), False)

    def subscribe(self, callback: Any, try_to_connect: bool = False) -> None:
        with self._lock:
            self._generation.channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Any) -> None:
        with self._lock:
            self._generation.channel.unsubscribe(callback)

    def close(self) -> None:
        with self._lock:
            self._generation.channel.close()

    def __enter__(self) -> RenewingChannel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
