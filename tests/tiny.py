"""Parameters of the smallest training that goes through every stage."""

from typing import Any

FROZEN_TO = "mixed9"  # less to build, and to differentiate
STAGES = ("localiser", "presence", "head", "backbone", "motion")


def tiny_params(**stage: float) -> dict[str, Any]:
    """Return parameters in which every stage is the same, e.g. ``epochs=1, steps=1``."""
    return {
        "recipe": {"frames_per_clip": 3, "canvas_px": 96},
        "network": {"localiser_px": 96, "crop_px": 96, "reader_width": 16},
        "frozen_to": FROZEN_TO,
        "drawn_signers": 1,
        "presence_scenes": {"train": 1, "validation": 1},
        **dict.fromkeys(STAGES, {"batch": 2, "rate": 1e-4} | stage),
    }
