"""Movements of drawn hands, for the reader of joints: theirs are known exactly."""

from collections.abc import Sequence

import numpy as np

from pipeline.drawing.hand import HandPose, build_skeleton
from pipeline.drawing.motion import shaken, tremor
from pipeline.drawing.schedule import perform
from pipeline.drawing.sign_table import SIGNS
from pipeline.drawing.signer import Signer
from pipeline.landmarks import LANDMARKS
from pipeline.training.movement import Joints

_EYE = 9.0  # distance of the camera in palm lengths, for perspective
_GRIP = 0.75  # palm lengths from the wrist to what a signer holds in place


def draw_movements(signs: Sequence[str], *, signers: int, kept: int, seed: int) -> Joints:
    """Let drawn signers perform signs.

    Args:
        signs: names in `pipeline.drawing.sign_table.SIGNS`.
        signers: how many.
        kept: moments of each clip.
        seed: of the signers.

    Returns:
        float32 [signers, len(signs), kept, 21, 3], in palm lengths.
    """
    clips = np.empty((signers, len(signs), kept, LANDMARKS, 3), np.float32)
    for person in range(signers):
        signer = Signer.from_seed(seed + person)
        phases = np.random.default_rng([signer.seed, 7]).uniform(0, 2 * np.pi, (26, 2))
        for place, sign in enumerate(signs):
            performance = perform(sign, signer)
            for moment in range(kept):
                share = moment / (kept - 1)
                shake = tremor(2 * share, phases=phases, strength=signer.tremor)
                state = shaken(performance.at(share), shake)
                skeleton = build_skeleton(
                    HandPose.from_angles(state.angles), proportions=signer.proportions
                )
                points = skeleton.landmarks @ state.rotation.T
                near = _EYE / (_EYE - points[:, 2:])
                wrist = state.place - _GRIP * state.rotation[:2, 1]
                flat = (wrist + points[:, :2] * near) * (1.0, -1.0)
                clips[person, place, moment] = np.column_stack([flat, -points[:, 2]])
    return clips


def can_be_drawn(signs: Sequence[str]) -> list[str]:
    """Return those of the signs that a drawn hand can perform."""
    return [sign for sign in signs if sign in SIGNS]
