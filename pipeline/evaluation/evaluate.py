"""The evaluate stage: an exported bundle, measured on clips of people it never saw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.annotations.signers import SPLITS
from pipeline.clips.manifest import read_manifest
from pipeline.evaluation import LIKENESS
from pipeline.evaluation.answers import answer_clips, answers_file
from pipeline.evaluation.duplicates import nearest_pairs, refuse_duplicates
from pipeline.evaluation.figures import Evaluation, summarise
from pipeline.evaluation.hand import read_known
from pipeline.evaluation.no_sign import NoSign, try_without_sign
from pipeline.jobs import ALONE, Workers
from pipeline.provenance import read_provenance, refuse_seen
from pipeline.training.store import NO_TABLES, HandTables
from pipeline.training.watch import Watch
from signwrite.bundle import Bundle
from signwrite.classifier import Classifier
from signwrite.errors import InputError


@dataclass(frozen=True)
class Measured:
    """An evaluation, and what was checked before it.

    Attributes:
        evaluation: the figures.
        checks: what makes sure that the clips were new to the model, a sentence each.
        no_sign: how the model did on clips without a sign, by their kind.
    """

    evaluation: Evaluation
    checks: tuple[str, ...]
    no_sign: Mapping[str, NoSign] = field(default_factory=dict)


def evaluate_bundle(  # noqa: PLR0913 - the stage's options, one each
    bundle: Bundle,
    clips: Path,
    *,
    classifier: Classifier,
    split: str,
    out: Path,
    watch: Watch,
    tables: HandTables = NO_TABLES,
    likeness: float = LIKENESS,
    workers: Workers = ALONE,
) -> Measured:
    """Read every clip of a split with a bundle; refuse where the model has seen them.

    Args:
        bundle: the exported model.
        clips: a folder of the cut stage.
        classifier: runs the bundle's SavedModel.
        split: train, validation or test.
        out: a folder for what an interrupted run goes on from.
        watch: whom to tell how far it is.
        tables: where the hand is known to be, to compare with where the model looks.
        likeness: share of differing bits below which two clips are near-duplicates.
        workers: who looks for near-duplicates.

    Raises:
        InputError: the split holds no clip, or a sign that the model does not know; or its signers,
            its clips or their near-duplicates were there when the model was trained.
        ClipError: a clip cannot be read.
    """
    if split not in SPLITS:
        raise InputError(f"--split: wanted one of {', '.join(SPLITS)}; received {split}")
    every = read_manifest(clips)
    rows = [row for row in every if row.split == split]
    others = [row for row in every if row.split != split]
    if not rows:
        raise InputError(f"{clips}: wanted clips of the split {split}; received none")
    provenance = read_provenance(bundle.root)
    refuse_seen(provenance, rows, split=split, others=others)
    with watch.bar("near-duplicates") as move:
        pairs = nearest_pairs(
            clips,
            rows,
            others,
            cache=out / "hashes.json",
            workers=workers,
            progress=move,
        )
    refuse_duplicates(pairs, likeness=likeness)
    with watch.bar(split) as move:
        answers = answer_clips(
            bundle.manifest,
            rows,
            folder=clips,
            classifier=classifier,
            kept=answers_file(out, split),
            known=read_known(tables),
            progress=move,
        )
    with watch.bar("no sign") as move:
        no_sign = try_without_sign(
            bundle.manifest,
            rows,
            folder=clips,
            classifier=classifier,
            kept=out / f"{split}.no_sign.json",
            progress=move,
        )
    checks = []
    if split != "train":
        checks.append(
            "The model's provenance has none of these signers and clips among those it learnt from."
            if provenance is not None
            else "The model does not record whom it learnt from: only this folder's own splits "
            "were compared."
        )
    if pairs:
        checks.append(
            f"No clip has a near-duplicate in another split: the likest pair, {pairs[0].clip} and "
            f"{pairs[0].other}, differs in {pairs[0].apart:.0%} of its perceptual hashes' bits, "
            f"and less than {likeness:.0%} would count."
        )
    evaluation = summarise(answers, signs=len(bundle.manifest.vocabulary))
    return Measured(evaluation, tuple(checks), no_sign)
