"""Cross-validation over signers: every signer is left out once, and read by a model without them.

With few signers one division into splits says little; this says how a model trained so does on
everybody. Each fold is trained, exported and evaluated as any model is, in a folder of its own, so
that an interrupted cross-validation goes on where it was. What a fold came to is one small file:
folds can be measured on several machines, and kept without their weights.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.clips.folds import divide_folds
from pipeline.evaluation.answers import Answer
from pipeline.evaluation.evaluate import Measured, evaluate_bundle
from pipeline.evaluation.figures import summarise
from pipeline.evaluation.no_sign import NoSign
from pipeline.export import export_bundle
from pipeline.files import write_text
from pipeline.jobs import ALONE, Workers
from pipeline.provenance import Provenance, read_provenance
from pipeline.training.given import describe_given
from pipeline.training.params import TrainParams
from pipeline.training.store import HandTables
from pipeline.training.train import ModelFacts, train_run
from pipeline.training.watch import Watch
from signwrite.bundle import MANIFEST, Bundle, Manifest, read_manifest
from signwrite.classifier import Classifier
from signwrite.errors import InputError


class MeasuredFold(BaseModel):
    """What one fold came to: the file ``fold-<n>.json``.

    Attributes:
        manifest: of the fold's model.
        provenance: what it was made from.
        answers: to the clips of those who were left out.
        checks: what makes sure that the clips were new to the model.
        no_sign: how it did on clips without a sign, by their kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    manifest: Manifest
    provenance: Provenance
    answers: tuple[Answer, ...]
    checks: tuple[str, ...]
    no_sign: dict[str, NoSign]


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
    only: Collection[int] = (),
    measured: Path | None = None,
    workers: Workers = ALONE,
) -> CrossValidation | None:
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
        only: the folds to train and measure now, counted from 1; none: all.
        measured: the folder of ``fold-<n>.json``, what the folds came to; in `out` by default. A
            fold whose file is there is not trained again.
        workers: who decodes.

    Returns:
        What all folds together came to; None while some are not measured.

    Raises:
        InputError: the folds cannot be divided, or a fold cannot be trained or tested; or there is
            no such fold as `only` names; or a fold was measured with other clips or parameters.
    """
    folders = divide_folds(clips, folds=folds, out=out, seed=params.seed)
    if unknown := sorted(set(only) - set(range(1, len(folders) + 1))):
        told = ", ".join(map(str, unknown))
        raise InputError(f"--only: wanted folds from 1 to {len(folders)}; received {told}")
    files = [(measured or out / "measured") / f"fold-{n}.json" for n in range(1, len(folders) + 1)]
    kept = {
        number: _read_own(file, given=describe_given(divided, tables=tables, params=params))
        for number, (file, divided) in enumerate(zip(files, folders, strict=True), start=1)
        if file.is_file()
    }
    for number, divided in enumerate(folders, start=1):
        if number in kept or (only and number not in only):
            continue
        watch.say(f"fold {number} of {len(folders)}")
        fold = divided.parent
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
        done = evaluate_bundle(
            bundle,
            divided,
            classifier=classifier_of(bundle.saved_model),
            split="test",
            out=fold / "report",
            watch=watch,
            tables=tables,
            workers=workers,
        )
        kept[number] = _keep(done, bundle=bundle, file=files[number - 1])
    return _pool([kept[number] for number in sorted(kept)]) if len(kept) == len(folders) else None


def _keep(measured: Measured, *, bundle: Bundle, file: Path) -> MeasuredFold:
    provenance = read_provenance(bundle.root)
    assert provenance is not None  # noqa: S101 - training has just written it
    fold = MeasuredFold(
        manifest=bundle.manifest,
        provenance=provenance,
        answers=tuple(measured.evaluation.answers),
        checks=measured.checks,
        no_sign=dict(measured.no_sign),
    )
    write_text(file, fold.model_dump_json() + "\n")
    return fold


def read_fold(file: Path) -> MeasuredFold:
    """Read what a fold came to.

    Raises:
        InputError: it is damaged.
    """
    try:
        return MeasuredFold.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InputError(f"{file}: a measured fold wanted; {error.errors()[0]['msg']}") from error


def _read_own(file: Path, *, given: dict[str, object]) -> MeasuredFold:
    """Read what a fold came to.

    Raises:
        InputError: it is damaged, or was made from something else than `given`.
    """
    fold = read_fold(file)
    told = fold.provenance.given
    if told != given:
        differ = ", ".join(sorted(k for k in {*told, *given} if told.get(k) != given.get(k)))
        raise InputError(f"{file}: wanted this fold, measured; it was made from other {differ}")
    return fold


def _pool(folds: Sequence[MeasuredFold]) -> CrossValidation:
    manifest = folds[0].manifest
    pooled = summarise(
        [answer for fold in folds for answer in fold.answers], signs=len(manifest.vocabulary)
    )
    checks = tuple(
        f"Fold {number}: {check}"
        for number, fold in enumerate(folds, start=1)
        for check in fold.checks
    )
    no_sign = {kind: _sum([fold.no_sign[kind] for fold in folds]) for kind in folds[0].no_sign}
    return CrossValidation(Measured(pooled, checks, no_sign), manifest)


def _sum(folds: Sequence[NoSign]) -> NoSign:
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
