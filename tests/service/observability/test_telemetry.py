"""Counts of requests, batches and queues."""

from glyphvae.observability.telemetry import Histogram, Telemetry


def test_a_value_counts_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 3.0):
        histogram.observe(value)
    assert histogram.counts == [2, 1, 1]
    histogram.observe_all((2.0, 4.0))
    assert histogram.state() == [2, 2, 2, 12.0]


def test_counts_of_another_process_are_added() -> None:
    mine, theirs = Telemetry(), Telemetry()
    for telemetry in (mine, theirs):
        telemetry.answered("/generate", 200, 0.002)
        telemetry.refused["busy"] += 1
        telemetry.queued = lambda: {"cvae": 4}
        telemetry.waits["cvae"].observe(0.001)
        telemetry.ran("cvae", 32, 0.001)
        telemetry.loop.observe(0.2)
    mine.add(theirs.state())
    assert mine.requests["/generate", 200] == 2
    assert mine.refused["busy"] == 2
    assert mine.queued() == {"cvae": 4}
    assert sum(mine.loop.counts) == 2
    assert mine.batches["cvae"].total == 64
    for histograms in (mine.latency, mine.waits, mine.batches, mine.runs):
        assert [sum(histogram.counts) for histogram in histograms.values()] == [2]
