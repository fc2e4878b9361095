"""Distribution of tests among the workers of pytest-xdist."""

from xdist.scheduler import LoadScopeScheduling

BROWSER = "tests/browser"


class ByModule(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives a module to one worker, and all tests of the playground, which share servers and a browser."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(f"{BROWSER}/") else super()._split_scope(nodeid)
