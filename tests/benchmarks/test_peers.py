from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.processes import BenchmarkError
from benchmarks.server import Subject
from benchmarks.servers.glyphs import DECODER


def test_a_peer_without_its_environment_says_how_to_make_it(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = replace(peers.PEERS[-1], command=("/nowhere/.venv-bench-x/bin/python",))
    monkeypatch.setattr(peers, "PEERS", (missing,))
    with pytest.raises(BenchmarkError, match=r"\.venv-bench-x is missing: `make \.venv-bench-x/\.done`"):
        peers.peers(subject)


def test_every_server_has_a_name_of_its_own_and_is_told_where_to_listen(subject: Subject) -> None:
    everything = [peers.BARE, subject.service(), *peers.PEERS]
    assert len({program.name for program in everything}) == len(everything)
    for program in everything:
        assert "{port}" in [*program.command, *program.environment.values()]


def test_peers_are_chosen_by_name_and_given_the_decoder(subject: Subject) -> None:
    (empty,) = peers.peers(subject, [peers.EMPTY.name])
    assert empty.name == peers.EMPTY.name
    assert Path(empty.environment[DECODER]) == subject.served
