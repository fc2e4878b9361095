"""The synchronous and the asynchronous client."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Generic, ParamSpec, Self, TypeVar

import anyio
import httpx

from glyphvae.client import calls
from glyphvae.client.call import Call, Request, Stream
from glyphvae.client.policy import Policy, checked, finish, problem, reading, retry_delay
from glyphvae.client.retry import Attempts, Retry

P = ParamSpec("P")
Result = TypeVar("Result")
Item = TypeVar("Item")

# Seconds that a call may take, including all retries.
TIMEOUT = 30.0


class _SyncMethod(Generic[P, Result]):
    """Descriptor that makes a call a method of `Client`, so that each is written, typed and documented once."""

    def __init__(self, build: Callable[P, Call[Result]]) -> None:
        self._build = build

    def __get__(self, client: Client, _: type[Client]) -> Callable[P, Result]:
        @wraps(self._build)
        def call(*args: P.args, **kwargs: P.kwargs) -> Result:
            return client.send(self._build(*args, **kwargs))

        return call


class _AsyncMethod(Generic[P, Result]):
    """Descriptor that makes a call a method of `AsyncClient`."""

    def __init__(self, build: Callable[P, Call[Result]]) -> None:
        self._build = build

    def __get__(self, client: AsyncClient, _: type[AsyncClient]) -> Callable[P, Coroutine[Any, Any, Result]]:
        @wraps(self._build)
        async def call(*args: P.args, **kwargs: P.kwargs) -> Result:
            return await client.send(self._build(*args, **kwargs))

        return call


class _SyncStream(Generic[P, Item]):
    def __init__(self, build: Callable[P, Stream[Item]]) -> None:
        self._build = build

    def __get__(self, client: Client, _: type[Client]) -> Callable[P, Iterator[Item]]:
        @wraps(self._build)
        def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[Item]:
            return client.stream(self._build(*args, **kwargs))

        return call


class _AsyncStream(Generic[P, Item]):
    def __init__(self, build: Callable[P, Stream[Item]]) -> None:
        self._build = build

    def __get__(self, client: AsyncClient, _: type[AsyncClient]) -> Callable[P, AsyncIterator[Item]]:
        @wraps(self._build)
        def call(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Item]:
            return client.stream(self._build(*args, **kwargs))

        return call


class Client:
    """A synchronous client, which may be shared by threads.

    Args:
        url: URL of the service, such as `http://127.0.0.1:8000`.
        key: Bearer key, if the service requires one.
        timeout: Seconds for a call including its retries, or between two chunks of a stream; None for no limit.
        retry: The retry policy.
        http: The httpx client that sends the requests, to configure proxies, certificates and the like.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout: float | None = TIMEOUT,
        retry: Retry | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        self._policy = Policy(url, key, timeout, retry or Retry())
        self._http = http or httpx.Client()

    generate = _SyncMethod(calls.generate)
    generate_samples = _SyncMethod(calls.generate_samples)
    generate_picture = _SyncMethod(calls.generate_picture)
    generate_chunks = _SyncStream(calls.generate_chunks)
    encode = _SyncMethod(calls.encode)
    reconstruct = _SyncMethod(calls.reconstruct)
    reconstruct_picture = _SyncMethod(calls.reconstruct_picture)
    render_text = _SyncMethod(calls.render_text)
    render_writing = _SyncMethod(calls.render_writing)
    interpolate = _SyncMethod(calls.interpolate)
    interpolate_picture = _SyncMethod(calls.interpolate_picture)
    traverse = _SyncMethod(calls.traverse)
    traverse_picture = _SyncMethod(calls.traverse_picture)
    dataset = _SyncStream(calls.dataset)
    dataset_arrays = _SyncMethod(calls.dataset_arrays)
    models = _SyncMethod(calls.models)
    model = _SyncMethod(calls.model)
    live = _SyncMethod(calls.live)
    ready = _SyncMethod(calls.ready)

    def send(self, call: Call[Result]) -> Result:
        """Make a call and wait for its result.

        Raises:
            ClientError: The call failed; `glyphvae.client.errors` lists the subclasses.
        """
        attempts = self._policy.attempts()
        response = self._begin(call.request, attempts, call.also)
        try:
            with reading(attempts):
                content = b"".join(checked(chunk, attempts) for chunk in response.iter_bytes())
        finally:
            response.close()
        return finish(call, response, content)

    def stream(self, call: Stream[Item]) -> Iterator[Item]:
        """Make a call and yield its results while they arrive.

        Raises:
            ClientError: The call failed.
        """
        attempts = self._policy.attempts(streamed=True)
        response = self._begin(call.request, attempts)
        try:
            with reading(attempts):
                if not response.is_success:
                    raise problem(response, response.read())
                read = call.reader()
                for chunk in response.iter_bytes():
                    yield from read(chunk)
        finally:
            response.close()

    def _begin(self, request: Request, attempts: Attempts, also: frozenset[int] = frozenset()) -> httpx.Response:
        while True:
            sent = self._http.build_request(**self._policy.arguments(request, attempts))
            try:
                response = self._http.send(sent, stream=True)
            except httpx.TransportError as error:
                wait = attempts.after_failure(error)
            else:
                delay = retry_delay(response, also, attempts)
                if delay is None:
                    return response
                response.close()
                wait = delay
            time.sleep(wait)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient:
    """An asynchronous client for asyncio and trio, with the methods of `Client`.

    Args:
        url: See `Client`.
        key: See `Client`.
        timeout: See `Client`.
        retry: See `Client`.
        http: See `Client`; an `httpx.AsyncClient`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout: float | None = TIMEOUT,
        retry: Retry | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._policy = Policy(url, key, timeout, retry or Retry())
        self._http = http or httpx.AsyncClient()

    generate = _AsyncMethod(calls.generate)
    generate_samples = _AsyncMethod(calls.generate_samples)
    generate_picture = _AsyncMethod(calls.generate_picture)
    generate_chunks = _AsyncStream(calls.generate_chunks)
    encode = _AsyncMethod(calls.encode)
    reconstruct = _AsyncMethod(calls.reconstruct)
    reconstruct_picture = _AsyncMethod(calls.reconstruct_picture)
    render_text = _AsyncMethod(calls.render_text)
    render_writing = _AsyncMethod(calls.render_writing)
    interpolate = _AsyncMethod(calls.interpolate)
    interpolate_picture = _AsyncMethod(calls.interpolate_picture)
    traverse = _AsyncMethod(calls.traverse)
    traverse_picture = _AsyncMethod(calls.traverse_picture)
    dataset = _AsyncStream(calls.dataset)
    dataset_arrays = _AsyncMethod(calls.dataset_arrays)
    models = _AsyncMethod(calls.models)
    model = _AsyncMethod(calls.model)
    live = _AsyncMethod(calls.live)
    ready = _AsyncMethod(calls.ready)

    async def send(self, call: Call[Result]) -> Result:
        """Make a call and wait for its result.

        Raises:
            ClientError: The call failed; `glyphvae.client.errors` lists the subclasses.
        """
        attempts = self._policy.attempts()
        response = await self._begin(call.request, attempts, call.also)
        try:
            with reading(attempts):
                content = b"".join([checked(chunk, attempts) async for chunk in response.aiter_bytes()])
        finally:
            await response.aclose()
        return finish(call, response, content)

    async def stream(self, call: Stream[Item]) -> AsyncIterator[Item]:
        """Make a call and yield its results while they arrive.

        Raises:
            ClientError: The call failed.
        """
        attempts = self._policy.attempts(streamed=True)
        response = await self._begin(call.request, attempts)
        try:
            with reading(attempts):
                if not response.is_success:
                    raise problem(response, await response.aread())
                read = call.reader()
                async for chunk in response.aiter_bytes():
                    for item in read(chunk):
                        yield item
        finally:
            await response.aclose()

    async def _begin(self, request: Request, attempts: Attempts, also: frozenset[int] = frozenset()) -> httpx.Response:
        while True:
            sent = self._http.build_request(**self._policy.arguments(request, attempts))
            try:
                response = await self._http.send(sent, stream=True)
            except httpx.TransportError as error:
                wait = attempts.after_failure(error)
            else:
                delay = retry_delay(response, also, attempts)
                if delay is None:
                    return response
                await response.aclose()
                wait = delay
            await anyio.sleep(wait)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
