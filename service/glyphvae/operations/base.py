"""The base of operations: one for each endpoint, whichever way its requests come."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import Parameters
from glyphvae.api.responses import Body, Result
from glyphvae.scheduling.steps import Program

# Responses of an operation by status, as OpenAPI describes them.
Responses = Mapping[int | str, dict[str, Any]]

# Plans that are kept for queries that come again. Each may hold glyphs drawn ahead, about 15 kB of PNG when full, and
# 45 kB of SVG.
KEPT_PLANS = 256
LONGEST_KEY = 512


class Planned(Protocol):
    """A request whose head has been checked, as far as adapters need it; see `Plan`."""

    @property
    def cost(self) -> int:
        """About what it costs the event loop, in glyphs."""

    @property
    def streams(self) -> bool:
        """True where the response may come in pieces."""


@dataclass(eq=False, kw_only=True)
class Plan:
    """A request whose head has been checked.

    Attributes:
        media: The media type of the response.
        cost: About what it costs the event loop, in glyphs.
        streams: Whether the response may come in pieces.
    """

    media: str
    cost: int
    streams: bool = False


PlanT = TypeVar("PlanT", bound=Planned)


class Operation(ABC, Generic[PlanT]):
    """An endpoint.

    Args:
        context: Settings, models and counts.

    Attributes:
        name: Its name in the OpenAPI document.
        path: Its path.
        summary: Its summary in the document; the description is the class's docstring.
        parameters: The model of its query, or of its body where that is JSON.
        query: The model of its query where the body is JSON.
        methods: The methods that it answers, all alike.
        address: The model of the query of `GET`, where the parameters of `POST` are in its body.
        body: The kind of its body.
        responses: Its responses in the document.
        openapi_extra: What else the document says of it.
    """

    name: ClassVar[str]
    path: ClassVar[str]
    summary: ClassVar[str]
    parameters: ClassVar[type[Parameters] | None]
    query: ClassVar[type[Parameters]] = Parameters
    methods: ClassVar[Sequence[str]] = ("POST",)
    address: ClassVar[type[Parameters] | None] = None
    body: ClassVar[Literal["none", "json", "images", "tensors"]]
    responses: ClassVar[Responses]
    openapi_extra: ClassVar[Mapping[str, Any] | None] = None

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def plan(self, head: RequestHead) -> PlanT:
        """Check the head of a request.

        Raises:
            Problem: It is refused.
        """

    def identity(self, plan: PlanT) -> bytes | None:  # noqa: ARG002 (others need it)
        """Return what determines the response to a request without a body, None where each is another."""
        return None

    @abstractmethod
    def run(self, plan: PlanT, body: Body) -> Program[Result]:
        """Make the response; the program raises a problem where the request is refused."""


Kept = TypeVar("Kept")


class PlanCache(Generic[Kept]):
    """Plans by what they are made from, until models are reloaded.

    Args:
        context: Holds the models.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, key: tuple[bytes, str], make: Callable[..., Kept], *arguments: object) -> Kept:
        """Return the plan for a query and an `Accept`: the one that is kept, or else `make(*arguments)`."""
        # Taken once: a reload can replace it meanwhile, and a plan must not be kept for later models than its own.
        kept = self._context.registry.kept
        plans = kept.get(self)
        if plans is None:
            kept[self] = plans = OrderedDict()
        plan: Kept | None = plans.get(key)
        if plan is not None:
            plans.move_to_end(key)
            return plan
        plan = make(*arguments)
        if len(key[0]) + len(key[1]) <= LONGEST_KEY:
            plans[key] = plan
            if len(plans) > KEPT_PLANS:
                plans.popitem(last=False)
        return plan

    def values(self) -> list[Kept]:
        """Return the plans that are kept; safe to call from any thread."""
        return list(self._context.registry.kept.get(self, {}).values())
