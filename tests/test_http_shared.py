"""Clips of real people, over real HTTP; only where the videos lie beside the repository."""

from io import BytesIO
from pathlib import Path

import av
import httpx
import pytest

from signwrite.answer import PredictionAnswer
from signwrite.bundle import Bundle
from signwrite.classifier import SavedModelClassifier
from signwrite.reader import Reader
from tests.conftest import MAX_BYTES
from tests.forms import post
from tests.servers import ROOT

VIDEOS = ROOT.parent / "shared" / "asl_videos"
CLIP_S = 2.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shared,
    pytest.mark.skipif(not VIDEOS.is_dir(), reason="needs the real videos in ../shared"),
]


@pytest.mark.parametrize("number", [1, 10, 20, 30, 40])
def test_a_real_clip_is_ranked_as_the_reader_does(
    number: int, client: httpx.Client, tiny_bundle: Path
) -> None:
    clip = beginning(VIDEOS / f"abc{number}.mp4")
    assert len(clip) < MAX_BYTES
    bundle = Bundle(tiny_bundle)
    reader = Reader(bundle.manifest, classifier=SavedModelClassifier(bundle.saved_model))
    response = post(client, clip)
    assert response.status_code == 200, response.text
    answer = PredictionAnswer.model_validate_json(response.content)
    assert answer == PredictionAnswer.of(reader.read(clip, top_k=5), manifest=reader.manifest)


def beginning(video: Path) -> bytes:
    """Copy the first seconds of a video, as they are encoded."""
    target = BytesIO()
    with av.open(str(video)) as source, av.open(target, "w", format="mp4") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            if packet.is_keyframe and packet.pts * packet.time_base > CLIP_S:
                break
            packet.stream = copy
            output.mux(packet)
    return target.getvalue()
