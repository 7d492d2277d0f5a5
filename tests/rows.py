"""A row of a manifest of clips, for tests to vary."""

from pipeline.clips.manifest import ClipRow

ROW = ClipRow(
    clip="",
    video="",
    sign="B",
    signer="",
    split="test",
    start_s=0.0,
    end_s=1.0,
    first_frame=0,
    frames=1,
    fps=15.0,
    width=64,
    height=64,
    encoding="",
    video_sha256="",
    clip_sha256="",
)
