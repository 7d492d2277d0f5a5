"""When spans are sent at all, and how far a request had come that was broken off."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from service.batching import MicroBatcher
from service.timings import INFER, WAIT_MODEL, Timings
from service.tracing import wanted
from tests.test_service_batching import GatedClassifier, clip

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
AT = "http://collector:4318"


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: AT}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": AT}, True),
        ({ENDPOINT: AT, "OTEL_SDK_DISABLED": "true"}, False),
        ({ENDPOINT: AT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: AT, "OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_spans_are_sent_where_an_endpoint_is_told(
    environment: dict[str, str], *, sent: bool
) -> None:
    assert wanted(environment) is sent


def test_a_clip_that_leaves_tells_how_far_it_had_come() -> None:
    in_the_model, in_the_queue = Timings(), Timings()

    async def play(thread: ThreadPoolExecutor) -> None:
        model = GatedClassifier()
        batcher = MicroBatcher(model, thread=thread, max_batch=1, observe=lambda *_: None)
        first = asyncio.create_task(batcher.classify(clip(1), timings=in_the_model))
        await asyncio.to_thread(model.entered.wait, 60)
        second = asyncio.create_task(batcher.classify(clip(2), timings=in_the_queue))
        await asyncio.sleep(0)
        for task in (first, second):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        model.gate.set()

    with ThreadPoolExecutor(1) as thread:
        asyncio.run(play(thread))
    assert list(in_the_model.spans) == [WAIT_MODEL, INFER]
    assert [span.failed for span in in_the_model.spans.values()] == [False, True]
    assert list(in_the_queue.spans) == [WAIT_MODEL]
    assert in_the_queue.spans[WAIT_MODEL].failed


def test_a_call_that_fails_is_told_to_its_clips() -> None:
    timings = Timings()

    async def play(thread: ThreadPoolExecutor) -> None:
        model = GatedClassifier()
        model.gate.set()
        batcher = MicroBatcher(model, thread=thread, max_batch=8, observe=lambda *_: None)
        with pytest.raises(RuntimeError, match="a model that fails"):
            await batcher.classify(clip(255), timings=timings)

    with ThreadPoolExecutor(1) as thread:
        asyncio.run(play(thread))
    assert timings.spans[INFER].failed
    assert timings.spans[INFER].facts == {"batch_clips": 1}
