"""Cross-validation over signers: every signer is left out once, and read by a model without them.

With few signers one division into splits says little; this says how a model trained so does on
everybody. Each fold is trained, exported and evaluated as any model is, in a folder of its own, so
that an interrupted cross-validation goes on where it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.clips.folds import divide_folds
from pipeline.evaluation.evaluate import Measured, evaluate_bundle
from pipeline.evaluation.figures import summarise
from pipeline.evaluation.no_sign import NoSign
from pipeline.export import export_bundle
from pipeline.jobs import ALONE, Workers
from pipeline.provenance import read_provenance
from pipeline.training.params import TrainParams
from pipeline.training.store import HandTables
from pipeline.training.train import ModelFacts, train_run
from pipeline.training.watch import Watch
from signwrite.bundle import MANIFEST, Bundle, Manifest, read_manifest
from signwrite.classifier import Classifier


@dataclass(frozen=True)
class CrossValidation:
    """The pooled answers of all folds, and the manifest of the first fold's model."""

    measured: Measured
    manifest: Manifest


def cross_validate(  # noqa: PLR0913 - what `train` takes, and the folds
    clips: Path,
    *,
    out: Path,
    folds: int | None,
    tables: HandTables,
    params: TrainParams,
    facts: ModelFacts,
    classifier_of: Callable[[Path], Classifier],
    watch: Watch,
    workers: Workers = ALONE,
) -> CrossValidation:
    """Train and measure one model a fold; pool what they answer to those they never saw.

    Args:
        clips: a folder of the cut stage; its own splits do not matter.
        out: where everything goes: ``fold-<n>/`` and, shared by all, ``store/``.
        folds: how many; None leaves out one signer at a time.
        tables: where the hand is known to be.
        params: of each training.
        facts: what the models are called.
        classifier_of: loads a SavedModel.
        watch: whom to tell how far it is.
        workers: who decodes.

    Raises:
        InputError: the folds cannot be divided, or a fold cannot be trained or tested.
    """
    folded = []
    folders = divide_folds(clips, folds=folds, out=out, seed=params.seed)
    for number, divided in enumerate(folders, start=1):
        fold = divided.parent
        watch.say(f"fold {number} of {len(folders)}")
        weights = train_run(
            divided,
            folder=fold / "train",
            tables=tables,
            params=params,
            facts=facts,
            watch=watch,
            store=out / "store",
            workers=workers,
        )
        bundle = _exported(weights, out=fold / "bundle")
        measured = evaluate_bundle(
            bundle,
            divided,
            classifier=classifier_of(bundle.saved_model),
            split="test",
            out=fold / "report",
            watch=watch,
            tables=tables,
            workers=workers,
        )
        folded.append(measured)
    manifest = read_manifest(folders[0].parent / "bundle")
    pooled = summarise(
        [answer for each in folded for answer in each.evaluation.answers],
        signs=len(manifest.vocabulary),
    )
    checks = tuple(
        f"Fold {number}: {check}"
        for number, each in enumerate(folded, start=1)
        for check in each.checks
    )
    no_sign = {kind: _pooled([each.no_sign[kind] for each in folded]) for kind in folded[0].no_sign}
    return CrossValidation(Measured(pooled, checks, no_sign), manifest)


def _pooled(folds: Sequence[NoSign]) -> NoSign:
    return NoSign(
        clips=sum(each.clips for each in folds), missed=sum(each.missed for each in folds)
    )


def _exported(weights: Path, *, out: Path) -> Bundle:
    """Export a fold's weights, unless its bundle is there and was made from them."""
    if (out / MANIFEST).is_file():
        bundle, wanted = Bundle(out), read_manifest(weights)
        made_of = bundle.manifest.model_copy(update={"digests": wanted.digests})
        if made_of == wanted and read_provenance(out) == read_provenance(weights):
            return bundle
    return export_bundle(weights, out=out)
