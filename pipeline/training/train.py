"""The train stage: a folder of clips in, a folder of weights out.

Five stages, each resumed where it was killed:

1. *localiser*: finds the hand, taught by hand boxes.
2. *presence*: tells from what the localiser sees whether there is a hand at all.
3. *head*: new layers over the signs and the joints, on the frozen backbone.
4. *backbone*: every layer of InceptionV3 and the heads, slowly.
5. *motion*: the reader of joints, on many invented movements of each training clip.

Then what each reader counts, the temperature and the rule of uncertainty are fitted on validation
clips. Epochs are chosen on validation signers; clips of the test split are never read.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.jobs import ALONE, Workers
from pipeline.network.composition import SignNetwork
from pipeline.network.config import NetworkConfig
from pipeline.network.weights_folder import TrainedNetwork, save_network
from pipeline.training.board import Board
from pipeline.training.calibrate import Doubt, FittedRule, fit_blend, fit_rule, score_logits
from pipeline.training.given import describe_clips, describe_params, remember_run
from pipeline.training.hand import train_localiser, train_presence
from pipeline.training.memory import keep_freed_memory
from pipeline.training.motion import train_motion
from pipeline.training.params import TrainParams
from pipeline.training.readings import (
    Readings,
    judge_readings,
    locate_unknown,
    pass_between,
    read_beside,
)
from pipeline.training.run import Run
from pipeline.training.signs import train_backbone
from pipeline.training.store import HandTables, Store, build_store
from pipeline.training.watch import Watch
from signwrite.bundle import Manifest
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
    tables: HandTables,
    params: TrainParams,
    facts: ModelFacts,
    watch: Watch,
    store: Path | None = None,
    workers: Workers = ALONE,
) -> Path:
    """Train a model on a folder of clips, going on with a run found in `folder`.

    Args:
        clips: a folder of the cut stage, with the splits train and validation.
        folder: the run's folder.
        tables: where the hand is known to be.
        params: what the run depends on; a run that goes on must have the same, and the same clips
            and tables.
        facts: what the model is called.
        watch: whom to tell how far it is.
        store: where decoded clips are kept, perhaps shared by runs on other divisions of the same
            clips; in the run's folder by default.
        workers: who decodes.

    Returns:
        The folder of weights, ``<folder>/model``.

    Raises:
        InputError: the clips cannot be used, or the folder holds another run.
    """
    keep_freed_memory()
    keras.utils.clear_session()  # a run does not depend on what the process did before
    keras.config.set_dtype_policy(params.precision)
    provenance = remember_run(folder, clips=clips, tables=tables, params=params)
    with watch.bar("decoding") as move:
        decoded = build_store(
            clips,
            recipe=params.recipe,
            out=store or folder / "store",
            tables=tables,
            workers=workers,
            progress=move,
        )
    for split in ("train", "validation"):
        if not len(decoded.rows(split)):
            raise InputError(f"{clips}: wanted clips of the split {split}; received none")
    vocabulary = Vocabulary(tuple(sorted({clip.sign for clip in decoded.clips})))
    keras.utils.set_random_seed(params.seed)
    network, temperature, rule = train_network(
        decoded, vocabulary=vocabulary, params=params, folder=folder, watch=watch
    )
    trained = TrainedNetwork(config=network.config, temperature=temperature)
    manifest = Manifest(
        name=facts.name,
        version=facts.version,
        recipe=params.recipe,
        vocabulary=vocabulary,
        uncertainty=rule.rule,
        network=trained.model_dump(mode="json"),
        card=facts.about
        | {
            "data": describe_clips(decoded.clips),
            "training": describe_params(params),
            "uncertainty": rule.figures(),
        },
        digests={},
    )
    out = folder / "model"
    save_network(network, manifest=manifest, provenance=provenance, out=out)
    return out


def train_network(
    store: Store, *, vocabulary: Vocabulary, params: TrainParams, folder: Path, watch: Watch
) -> tuple[SignNetwork, float, FittedRule]:
    """Train a network; resumes what `folder` holds.

    Returns:
        The network with its best weights, and the temperature and the rule of uncertainty that were
        fitted on validation clips.

    Raises:
        InputError: the starting weights cannot be read, or no clip's hand boxes are known.
    """
    config = _fit_structure(params, store, vocabulary)
    network = SignNetwork(config, recipe=params.recipe, signs=len(vocabulary))
    run = Run(store, vocabulary, params, network, folder, watch)
    train_localiser(run)
    train_presence(run)
    boxes = locate_unknown(store, network, cache=folder / "boxes.npy")
    run = replace(run, store=replace(store, boxes=boxes))
    train_backbone(run)
    plain = train_motion(run)
    temperature, rule = calibrate(run, plain)
    return network, temperature, rule


def _fit_structure(params: TrainParams, store: Store, vocabulary: Vocabulary) -> NetworkConfig:
    """Look twice only where joints are learnt, and as far around them as the known boxes are."""
    alike = tuple(tuple(map(vocabulary.index, group)) for group in params.alike)
    config = params.network.model_copy(update={"alike": alike})
    extent = store.hand_extent()
    if extent is None:
        return config.model_copy(update={"looks": 1})
    return config.model_copy(update={"hand_extent": round(extent, 3)})


def calibrate(run: Run, plain: Readings) -> tuple[float, FittedRule]:
    """Fit on validation clips what each reader counts, the temperature and the rule of uncertainty.

    Args:
        run: with its network trained; takes the readers' shares.
        plain: the validation clips as serving reads them.

    Returns:
        The temperature and the rule.
    """
    network, rows = run.network, run.store.rows("validation")
    labels = run.labels[rows]
    said = judge_readings(network, plain)
    signers = [run.store.clips[row].signer for row in rows]
    shares, temperature = fit_blend(
        {name: said[name] for name in network.config.readers}, labels, people=len(set(signers))
    )
    network.parts["blend"].set_weights([np.array(shares, np.float32)])

    def doubt(readings: Readings) -> Doubt:
        logits = judge_readings(network, readings)["logits"]
        return Doubt.of(logits / temperature, readings.presence)

    logits = judge_readings(network, plain)["logits"]
    seed = run.params.seed
    rule = fit_rule(
        doubt(plain),
        logits.argmax(axis=1) == labels,
        none={
            "no_hand": doubt(read_beside(network, run.store, rows, seed=seed)),
            "passing": doubt(pass_between(plain, signers, seed=seed)),
        },
    )
    counted = "  ".join(
        f"{name} {share:.2f}" for name, share in zip(network.config.readers, shares, strict=True)
    )
    run.watch.say(f"{counted}  temperature {temperature:.3f}  {rule.describe()}")
    with Board(run.folder / "board") as board:
        board.parameters(run.params.model_dump(mode="json"), score_logits(logits, labels))
    return temperature, rule
