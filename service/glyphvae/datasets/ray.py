"""Shards of a data set, made by all machines of a Ray cluster. Needs Ray, which the service does not."""

from collections.abc import Iterator
from typing import Any

import ray

from glyphvae.datasets.shards import Shard


def run_on(address: str) -> "OnRay":
    """Connect to a cluster.

    Args:
        address: Of its head, `auto` for the cluster that this machine belongs to, or `local` for one of this machine
            alone, which ends with this process.
    """
    ray.init(address, log_to_driver=False)
    return OnRay()


class OnRay:
    """Makes shards on the cluster that this process is connected to."""

    def __call__(self, shards: list[Shard]) -> Iterator[tuple[Shard, bytes]]:
        """Each shard with its file, as they are done; a shard that is lost with its machine is made again by Ray."""
        # Enough to keep every core busy, and few enough that finished files do not pile up.
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
