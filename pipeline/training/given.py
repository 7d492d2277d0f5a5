"""What a training is given, said in its card and remembered in its folder."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import keras

from pipeline.clips.manifest import MANIFEST, ClipRow
from pipeline.clips.manifest import read_manifest as read_clips
from pipeline.files import write_text
from pipeline.network.weights import name_start
from pipeline.provenance import PROVENANCE, Provenance, describe_run, read_provenance
from pipeline.training.params import STARTS, TrainParams
from pipeline.training.store import HandTables
from signwrite.bundle import read_manifest, sha256_of
from signwrite.errors import InputError


def describe_clips(clips: Sequence[ClipRow]) -> dict[str, dict[str, int]]:
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


def describe_params(params: TrainParams) -> dict[str, Any]:
    """Return the parameters for the model card, the starting weights without their folder.

    Weights that were trained before tell how: `started_from` has their version and parameters.
    """
    starts = {name: Path(getattr(params, name)).name for name in STARTS}
    told = params.model_dump(mode="json", exclude={"network", "recipe"}) | starts
    before = {
        folder.name: {"version": manifest.version, "training": manifest.card.get("training")}
        for folder in _trained_starts(params)
        for manifest in [read_manifest(folder)]
    }
    return told | ({"started_from": before} if before else {})


def _trained_starts(params: TrainParams) -> list[Path]:
    """List the folders of trained weights among the starts, each once."""
    starts = dict.fromkeys(Path(getattr(params, name)) for name in STARTS)
    return [start for start in starts if start.is_dir()]


def describe_given(clips: Path, *, tables: HandTables, params: TrainParams) -> dict[str, Any]:
    """Return all that a run's outcome depends on, files by their digests."""
    return {
        "clips": sha256_of(clips / MANIFEST),
        **tables.digests(),
        **params.model_dump(mode="json"),
        **{each: name_start(getattr(params, each)) for each in STARTS},
    }


def remember_run(
    folder: Path, *, clips: Path, tables: HandTables, params: TrainParams
) -> Provenance:
    """Write down what the run depends on; refuse a folder that holds another run.

    Raises:
        InputError: there are no clips, or not those that the parameters name; or the folder's run
            has other clips, tables or parameters.
    """
    if not (clips / MANIFEST).is_file():
        raise InputError(f"{clips}: wanted a folder of the cut stage; it has no {MANIFEST}")
    rows = read_clips(clips)
    _refuse_unknown(params, rows)
    given = describe_given(clips, tables=tables, params=params)
    kept = read_provenance(folder)
    if kept is not None and kept.given != given:
        differ = ", ".join(sorted(key for key in given if kept.given.get(key) != given[key]))
        raise InputError(f"{folder}: wanted the run that it holds; received other {differ}")
    backend = keras.backend.backend()
    provenance = describe_run(
        rows,
        given=given,
        backend=backend,
        backend_version=import_module(backend).__version__,
        started_from={
            folder.name: before
            for folder in _trained_starts(params)
            if (before := read_provenance(folder)) is not None
        },
    )
    write_text(folder / PROVENANCE, provenance.model_dump_json(indent=1) + "\n")
    return provenance


def _refuse_unknown(params: TrainParams, clips: Sequence[ClipRow]) -> None:
    """Refuse what is said of clips and signs that are not there: it may be a slip of the pen.

    Raises:
        InputError: a clip is called doubtful, or a sign is said to look like another, that is not
            among these.
    """
    signs = {clip.sign for clip in clips}
    if unknown_signs := sorted({sign for group in params.alike for sign in group} - signs):
        told = ", ".join(unknown_signs)
        raise InputError(f"alike: wanted signs of the clips; received {told}")
    named = {(video, sign) for video, signs in params.doubtful.items() for sign in signs}
    if unknown := sorted(named - {(clip.video, clip.sign) for clip in clips}):
        told = ", ".join(f"{sign} in {video}" for video, sign in unknown)
        raise InputError(f"doubtful: wanted signs of videos that are there; received {told}")
