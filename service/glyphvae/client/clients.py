"""The synchronous and the asynchronous client."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

import anyio
import httpx

from glyphvae.client import calls
from glyphvae.client.call import Call, Request, Stream
from glyphvae.client.errors import problem_of
from glyphvae.client.policy import Policy, checked, finish, reading, retry_delay
from glyphvae.client.retry import Attempts, Retry

P = ParamSpec("P")
Result = TypeVar("Result")
Item = TypeVar("Item")
Http = TypeVar("Http", bound=httpx.Client | httpx.AsyncClient)

# Seconds that a call may take, including all retries.
TIMEOUT = 30.0


class _Method(Generic[P, Result]):
    """Descriptor that makes a call a method of both clients, so that each is written, typed and documented once."""

    def __init__(self, build: Callable[P, Call[Result]]) -> None:
        self.build = build

    @overload
    def __get__(self, client: Client, _: type[Client]) -> Callable[P, Result]: ...

    @overload
    def __get__(self, client: AsyncClient, _: type[AsyncClient]) -> Callable[P, Coroutine[Any, Any, Result]]: ...

    def __get__(self, client: Client | AsyncClient, _: type[Any]) -> Callable[P, Any]:
        return _composed(self.build, client.send)


class _Stream(Generic[P, Item]):
    """Descriptor like `_Method`, for calls whose results are yielded while they arrive."""

    def __init__(self, build: Callable[P, Stream[Item]]) -> None:
        self.build = build

    @overload
    def __get__(self, client: Client, _: type[Client]) -> Callable[P, Iterator[Item]]: ...

    @overload
    def __get__(self, client: AsyncClient, _: type[AsyncClient]) -> Callable[P, AsyncIterator[Item]]: ...

    def __get__(self, client: Client | AsyncClient, _: type[Any]) -> Callable[P, Any]:
        return _composed(self.build, client.stream)


def _composed(build: Callable[P, Any], send: Callable[[Any], Any]) -> Callable[P, Any]:
    @wraps(build)
    def method(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 (the descriptors know the type)
        return send(build(*args, **kwargs))

    return method


class _Methods(Generic[Http]):
    """The configuration and the methods of both clients."""

    _new_http: type[Http]

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout: float | None = TIMEOUT,
        retry: Retry | None = None,
        http: Http | None = None,
    ) -> None:
        self._policy = Policy(url, key, timeout, retry or Retry())
        self._http: Http = http or self._new_http()

    generate = _Method(calls.generate)
    generate_samples = _Method(calls.generate_samples)
    generate_picture = _Method(calls.generate_picture)
    generate_chunks = _Stream(calls.generate_chunks)
    encode = _Method(calls.encode)
    reconstruct = _Method(calls.reconstruct)
    reconstruct_picture = _Method(calls.reconstruct_picture)
    read = _Method(calls.read)
    hand = _Method(calls.hand)
    font = _Method(calls.font)
    render_text = _Method(calls.render_text)
    render_writing = _Method(calls.render_writing)
    interpolate = _Method(calls.interpolate)
    interpolate_picture = _Method(calls.interpolate_picture)
    traverse = _Method(calls.traverse)
    traverse_picture = _Method(calls.traverse_picture)
    dataset = _Stream(calls.dataset)
    dataset_arrays = _Method(calls.dataset_arrays)
    models = _Method(calls.models)
    model = _Method(calls.model)
    live = _Method(calls.live)
    ready = _Method(calls.ready)


class Client(_Methods[httpx.Client]):
    """A synchronous client, which may be shared by threads.

    Args:
        url: URL of the service, such as `http://127.0.0.1:8000`.
        key: Bearer key, if the service requires one.
        timeout: Seconds for a call including its retries, or between two chunks of a stream; None for no limit.
        retry: The retry policy.
        http: The httpx client that sends the requests, to configure proxies, certificates and the like.
    """

    _new_http = httpx.Client

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
                    raise problem_of(response, response.read())
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


class AsyncClient(_Methods[httpx.AsyncClient]):
    """An asynchronous client for asyncio and trio, with the methods of `Client`.

    Args:
        url: See `Client`.
        key: See `Client`.
        timeout: See `Client`.
        retry: See `Client`.
        http: See `Client`; an `httpx.AsyncClient`.
    """

    _new_http = httpx.AsyncClient

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
                    raise problem_of(response, await response.aread())
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
