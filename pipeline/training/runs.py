"""A training run: its folder, what it was trained with, and the model that comes out."""

import json
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import keras

from pipeline.clips.manifest import MANIFEST, ClipRow
from pipeline.export import TrainedNetwork, save_weights
from pipeline.files import write_text
from pipeline.training.calibrate import fit_rule
from pipeline.training.store import build_store
from pipeline.training.train import TrainParams, train_network
from pipeline.training.variants import empty_variants, plain_variants, read_clips
from signwrite.bundle import Manifest, sha256_of
from signwrite.errors import InputError
from signwrite.vocabulary import Vocabulary


@dataclass(frozen=True)
class ModelFacts:
    """What a model is called, and what its card says beside the figures."""

    name: str
    version: str
    about: dict[str, Any]


def train_run(
    clips: Path,
    *,
    folder: Path,
    boxes: Path | None,
    params: TrainParams,
    facts: ModelFacts,
    progress: Callable[[int, int], None],
    say: Callable[[str], None],
) -> Path:
    """Train a model on a folder of clips, going on with a run found in `folder`.

    Args:
        clips: a folder of the cut stage, with the splits train and validation.
        folder: the run's folder.
        boxes: a table of hand boxes by video and frame.
        params: what the run depends on; a run that goes on must have the same.
        facts: what the model is called.
        progress: called with the number of clips decoded and to decode.
        say: prints a line.

    Returns:
        The folder of weights, ``<folder>/model``.

    Raises:
        InputError: the clips cannot be used, or the folder holds a run with other parameters.
    """
    keras.config.set_dtype_policy(params.precision)
    _remember(folder, clips=clips, params=params)
    store = build_store(
        clips, recipe=params.recipe, out=folder / "store", boxes=boxes, progress=progress
    )
    for split in ("train", "validation"):
        if not len(store.rows(split)):
            raise InputError(f"{clips}: wanted clips of the split {split}; received none")
    vocabulary = Vocabulary(tuple(sorted({clip.sign for clip in store.clips})))
    keras.utils.set_random_seed(params.seed)
    network, sightings, temperature = train_network(
        store, vocabulary=vocabulary, params=params, folder=folder, say=say
    )
    rows = store.rows("validation")
    plain = plain_variants(network, store, rows, sightings)
    rule = fit_rule(
        read_clips(network, plain) / temperature,
        store.labels(vocabulary)[rows],
        hand=plain.presence,
        hand_of_empty=empty_variants(network, store, rows, seed=params.seed),
    )
    say(f"temperature {temperature:.3f}  {rule.describe()}")
    trained = TrainedNetwork(config=params.network, temperature=temperature)
    manifest = Manifest(
        name=facts.name,
        version=facts.version,
        recipe=params.recipe,
        vocabulary=vocabulary,
        uncertainty=rule.rule,
        network=trained.model_dump(mode="json"),
        card=facts.about | {"data": describe_clips(store.clips), "uncertainty": rule.figures()},
        digests={},
    )
    out = folder / "model"
    save_weights(network, manifest=manifest, out=out)
    return out


def describe_clips(clips: tuple[ClipRow, ...]) -> dict[str, dict[str, int]]:
    """Count signers, videos, signs and clips of each split; nobody is named."""
    return {
        split: {
            "signers": len({clip.signer for clip in clips if clip.split == split}),
            "videos": len({clip.video for clip in clips if clip.split == split}),
            "signs": len({clip.sign for clip in clips if clip.split == split}),
            "clips": sum(clip.split == split for clip in clips),
        }
        for split in ("train", "validation", "test")
    }


def _remember(folder: Path, *, clips: Path, params: TrainParams) -> None:
    """Write down what the run depends on; refuse a folder that holds another run.

    Raises:
        InputError: the folder's run has other parameters.
    """
    file = folder / "params.json"
    chosen = params.model_dump(mode="json")
    if file.is_file() and (kept := json.loads(file.read_text())["params"]) != chosen:
        differ = sorted(key for key in chosen if kept.get(key) != chosen[key])
        raise InputError(f"{folder}: a run with the same parameters wanted; {differ} differ")
    facts = {
        "params": chosen,
        "clips_sha256": sha256_of(clips / MANIFEST) if (clips / MANIFEST).is_file() else None,
        "revision": _revision(),
        "python": platform.python_version(),
        "versions": {each: installed(each) for each in ("keras", "numpy", "av")},
        "backend": keras.backend.backend(),
    }
    write_text(file, json.dumps(facts, indent=2) + "\n")


def _revision() -> str | None:
    """Name the revision of this code, where it lies in a git repository."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
