"""Does the order of frames count? A model's reader of movements, on drawn people it never saw.

Of a drawn hand the joints are known exactly, and its J and Z really move; most people in the videos
hold theirs still. What is read here are these joints alone, in order and shuffled. (`signwrite
evaluate` does the same to whole clips of people.)

    python -m benchmarks.movements --weights models/asl-letters
"""

import pipeline  # noqa: F401 - it says how TensorFlow is to load, so it comes first

# isort: split

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from benchmarks.tables import Row, Table
from pipeline.evaluation.figures import PAIRS
from pipeline.network.composition import SignNetwork
from pipeline.network.weights_folder import load_network
from pipeline.training.drawn import can_be_drawn, draw_movements
from pipeline.training.readings import Readings, judge_readings

_SEED = 1_000_000  # far from the drawn signers that training knows
_PRESENT = 4.0  # logit that there is a hand


def read_joints_alone(
    network: SignNetwork, joints: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return what the reader of movements makes of joints [B, T, 21, 3]: logits [B, L]."""
    clips = joints.shape[:2]
    seen = Readings(
        frame_logits=np.zeros((*clips, network.signs), np.float32),
        joints=joints,
        boxes=np.zeros((*clips, 3), np.float32),
        presence=np.full(clips, _PRESENT, np.float32),
    )
    return judge_readings(network, seen)["moved"]


def measure(weights: Path, *, signers: int) -> Table:
    """Read drawn signs of so many people, in order and shuffled."""
    network, manifest, _ = load_network(weights)
    signs = tuple(manifest.vocabulary)
    drawable = can_be_drawn(signs)
    drawn = draw_movements(
        drawable, signers=signers, kept=manifest.recipe.frames_per_clip, seed=_SEED
    )
    joints = drawn.reshape(-1, *drawn.shape[2:])
    labels = np.tile([signs.index(sign) for sign in drawable], signers)
    rng = np.random.default_rng(0)
    shuffled = np.stack([rng.permutation(clip) for clip in joints])
    chances = [softmax(read_joints_alone(network, each), axis=1) for each in (joints, shuffled)]
    apart = [sign for pair in PAIRS for sign in pair if sign in drawable]
    groups = {sign: [sign] for sign in apart} | {"others": sorted(set(drawable) - set(apart))}
    rows: list[Row] = []
    for name, group in groups.items():
        own = np.isin(labels, [signs.index(sign) for sign in group])
        right = [int((chance.argmax(axis=1) == labels)[own].sum()) for chance in chances]
        score = [float(chance[own, labels[own]].mean()) for chance in chances]
        rows.append(
            {
                "sign": name,
                "clips": str(own.sum()),
                "right": str(right[0]),
                "right, shuffled": str(right[1]),
                "mean score of it": f"{score[0]:.3f}",
                "shuffled": f"{score[1]:.3f}",
            }
        )
    note = f"{signers} drawn people, {manifest.name} {manifest.version}."
    return Table("movements", "Joints of drawn people, in order and shuffled", note, tuple(rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=Path("models/asl-letters"))
    parser.add_argument("--signers", type=int, default=40)
    given = parser.parse_args(arguments)
    print(measure(given.weights, signers=given.signers).markdown())


if __name__ == "__main__":
    main()
