"""Making the shards of a data set on a Ray cluster. Needs Ray, which the service does not."""

from collections.abc import Iterator
from typing import Any

import ray

from glyphvae.datasets.shards import Run, Shard


def run_on(address: str) -> Run:
    """Connect to a cluster and return the runner that makes shards on it.

    Args:
        address: Address of the cluster's head, `auto` for the cluster of this machine, or `local` for a temporary one
            on this machine alone.
    """
    ray.init(address, log_to_driver=False)
    return make_on_cluster


def make_on_cluster(shards: list[Shard]) -> Iterator[tuple[Shard, bytes]]:
    """Yield each shard with its file when the cluster has made it, again if a machine was lost."""
    # Enough tasks to keep every core busy, and few enough that finished files do not pile up in memory.
    most = 2 * int(ray.cluster_resources().get("CPU", 1))
    make = ray.remote(Shard.make)
    todo = list(reversed(shards))
    running: dict[Any, Shard] = {}
    while todo or running:
        while todo and len(running) < most:
            shard = todo.pop()
            running[make.remote(shard)] = shard
        (done, *_), _ = ray.wait(list(running))
        yield running.pop(done), ray.get(done)
