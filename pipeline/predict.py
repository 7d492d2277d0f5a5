"""Ranking the signs of clip files, as the service ranks those of uploads."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.bars import draw_ranking
from signwrite.answer import PredictionAnswer
from signwrite.backends import Wanted, load_classifier
from signwrite.bundle import Bundle
from signwrite.errors import ClipError, InputError
from signwrite.reader import Reader

_TOP_K = 5
_BAR = 30  # characters of a score of 1


def predict_clips(
    clips: Sequence[Path],
    *,
    model: Path,
    top_k: int | None,
    as_json: bool,
    backend: Wanted = "auto",
    columns: int | None = None,
) -> Iterator[tuple[str, bool]]:
    """Read clips one after the other; one that cannot be read does not stop the rest.

    Args:
        clips: their files.
        model: the bundle's folder.
        top_k: how many signs to rank; 5, or all of fewer, by default.
        as_json: as the service answers.
        backend: what runs the model.
        columns: the width of the terminal that is printed to; None where it is something else.

    Yields:
        What to print, and whether it is an error.

    Raises:
        BundleError: the bundle is not one.
        InputError: `top_k` is more than the model's signs.
    """
    bundle = Bundle(model)
    known = len(bundle.manifest.vocabulary)
    if top_k is None:
        top_k = min(_TOP_K, known)
    if top_k > known:
        raise InputError(f"--top-k: 1 to {known} wanted; received {top_k}")
    classifier, _ = load_classifier(bundle, backend=backend)
    reader = Reader(bundle.manifest, classifier=classifier)
    for clip in clips:
        try:
            reading = reader.read(clip, top_k=top_k)
        except (ClipError, InputError) as error:
            yield f"{clip}: {error}", True
            continue
        if as_json:
            answer = PredictionAnswer.of(reading, manifest=bundle.manifest)
            yield answer.model_dump_json(), False
            continue
        if columns is not None:
            yield f"{clip}\n{draw_ranking(reading.ranking, columns=columns)}", False
            continue
        note = "  (uncertain)" if reading.ranking.uncertain else ""
        bars = [
            f"  {each.rank:2}. {each.sign:<8} {each.score:6.1%} {'█' * round(each.score * _BAR)}"
            for each in reading.ranking.predictions
        ]
        yield "\n".join([f"{clip}{note}", *bars]), False
