"""The report of an evaluation: HTML with pictures for people, Markdown, and JSON for programs."""

import json
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.evaluation.card import KINDS, figures, figures_table, is_alphabet, people
from pipeline.evaluation.charts import (
    draw_calibration,
    draw_confusion,
    draw_groups,
    draw_motion,
)
from pipeline.evaluation.evaluate import Measured
from pipeline.evaluation.figures import PREDECESSOR, Evaluation, Group, confusion_matrix
from pipeline.evaluation.mistakes import show_mistakes
from pipeline.files import write_text
from signwrite.bundle import Manifest
from signwrite.palette import PALETTE

_MOST_CONFUSED = 12
_MOST_MOVING = 5
_MOVEMENTS = ("J", "Z")  # of the manual alphabet


def write_report(
    measured: Measured, *, manifest: Manifest, split: str, clips: Path, out: Path
) -> str:
    """Write ``<split>.html``, ``.md`` and ``.json``, and the pictures in ``<split>/``.

    Args:
        measured: the evaluation.
        manifest: the model's.
        split: what the clips are called.
        clips: their folder.
        out: the report's folder.

    Returns:
        The Markdown.

    Raises:
        ClipError: a clip to be pictured cannot be read.
    """
    evaluation = measured.evaluation
    signs, card = tuple(manifest.vocabulary), figures(evaluation, no_sign=measured.no_sign)
    pictures = {
        "confusion": draw_confusion(confusion_matrix(evaluation.answers, signs), signs),
        "calibration": draw_calibration(evaluation.calibration, error=evaluation.calibration_error),
        "signs": draw_groups(evaluation.by_sign, what="sign"),
        "signers": draw_groups(evaluation.by_signer, what="signer"),
        "motion": draw_motion(evaluation.by_sign),
    }
    for name, picture in pictures.items():
        write_text(out / split / f"{name}.svg", picture)
    facts = {
        "title": f"{manifest.name} {manifest.version}, {split}",
        "split": split,
        "people": people(split, signers=len(evaluation.by_signer)),
        "predecessor": PREDECESSOR if is_alphabet(evaluation.chance[1]) else {},
        "evaluation": evaluation,
        "checks": measured.checks,
        "confusions": evaluation.confusions[:_MOST_CONFUSED],
        "moving": moving_signs(evaluation),
        "no_sign": [(KINDS[kind], each) for kind, each in measured.no_sign.items() if each.clips],
    }
    text = _render("report.md.jinja", facts | {"table": figures_table(card, split=split)})
    write_text(out / f"{split}.md", text)
    mistakes = show_mistakes(evaluation.answers, folder=clips, recipe=manifest.recipe)
    page = _render(
        "report.html.jinja",
        facts | {"pictures": pictures, "mistakes": mistakes, "palette": PALETTE.read_text("utf-8")},
    )
    write_text(out / f"{split}.html", page)
    content = {
        "model": [manifest.name, manifest.version],
        "figures": card,
        "checks": measured.checks,
        "answers": [asdict(answer) for answer in evaluation.answers],
    }
    write_text(out / f"{split}.json", json.dumps(content, indent=2) + "\n")
    return text


def moving_signs(evaluation: Evaluation) -> dict[str, Group]:
    """Choose the signs to show in order and shuffled: J, Z, and those that lose most by it."""
    by_sign = evaluation.by_sign
    lost = sorted((s for s in by_sign if by_sign[s].lost > 0), key=lambda s: -by_sign[s].lost)
    chosen = dict.fromkeys([s for s in _MOVEMENTS if s in by_sign] + lost[:_MOST_MOVING])
    return {sign: by_sign[sign] for sign in chosen}


def _render(template: str, facts: dict[str, object]) -> str:
    environment = Environment(
        loader=PackageLoader("pipeline.evaluation", "templates"),
        autoescape=template.endswith(".html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = lambda share, digits=0: f"{share:.{digits}%}"
    return environment.get_template(template).render(facts)
