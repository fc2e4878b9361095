from benchmarks.grpc_calls import measure
from benchmarks.server import DEFAULT_MODEL, Subject
from tests.benchmarks.examples import needs_two_cores


@needs_two_cores
def test_a_glyph_and_an_empty_method_take_turns(subject: Subject) -> None:
    figures = measure(subject, rounds=2, calls=8, concurrent=2, model=DEFAULT_MODEL)
    for figure in (figures["microseconds"], figures["processor"]):
        assert {name: len(values) for name, values in figure.items()} == {"glyph": 2, "empty": 2}
    assert len(figures["ratios"]) == 2
    assert figures["ratio"] == min(figures["microseconds"]["empty"]) / min(figures["microseconds"]["glyph"])
