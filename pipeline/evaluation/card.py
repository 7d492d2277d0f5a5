"""What an evaluation says in the model card, as JSON and written out to read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.evaluation import CROSSVAL
from pipeline.evaluation.answers import Answer
from pipeline.evaluation.figures import PREDECESSOR, Evaluation
from pipeline.evaluation.no_sign import NO_CLIPS, NoSign
from pipeline.evaluation.paired import compare_answers
from pipeline.files import write_text
from signwrite.bundle import MANIFEST, Manifest, read_manifest
from signwrite.vocabulary import ASL_LETTERS

CARD = "README.md"
_WORST_SIGNS = 5
_TOLD = {
    "intended_use": "Intended use",
    "not_for": "Not for",
    "limits": "Limits",
    "training_data": "Training data",
    "split": "Split",
    "starting_weights": "Starting weights",
}
_CROSSVAL_PROSE = (
    "Everybody was left out once. These are the answers of models that were trained like this one, "
    "each on fewer people and for a shorter time, to those whom they never saw."
)


def figures(evaluation: Evaluation, *, no_sign: Mapping[str, NoSign] = NO_CLIPS) -> dict[str, Any]:
    """Return the figures of an evaluation as JSON for the model card; no signer is named."""
    return {
        "clips": len(evaluation.answers),
        "signers": len(evaluation.by_signer),
        "top": {
            str(k): {"share": each.share, "low": each.low, "high": each.high}
            for k, each in evaluation.top.items()
        },
        "likelihood": asdict(evaluation.likelihood),
        "chance": {str(k): share for k, share in evaluation.chance.items()},
        "worst_signer": min(group.right for group in evaluation.by_signer.values()),
        "by_sign": {sign: group.right for sign, group in evaluation.by_sign.items()},
        "shuffled": {
            "top1": evaluation.shuffled.share,
            "by_sign": {sign: group.shuffled for sign, group in evaluation.by_sign.items()},
        },
        "away": None if evaluation.away is None else asdict(evaluation.away),
        "pairs": [asdict(pair) for pair in evaluation.pairs],
        "hand": asdict(evaluation.hand),
        "calibration_error": evaluation.calibration_error,
        "calibration_luck": asdict(evaluation.calibration_luck),
        "uncertain": evaluation.uncertain,
        "uncertain_of_right": evaluation.uncertain_of_right,
        "uncertain_of_wrong": evaluation.uncertain_of_wrong,
        "no_sign": {kind: each.model_dump() for kind, each in no_sign.items()},
    }


def people(split: str, *, signers: int) -> str:
    """Say in words who the signers of a split are to the model, and how many."""
    noun = "signer" if signers == 1 else "signers"
    return f"{signers} {noun} it was trained on" if split == "train" else f"{signers} unseen {noun}"


def figures_table(card: dict[str, Any], *, split: str) -> str:
    """Lay a split's figures beside chance and the predecessor's, as a Markdown table."""
    tops = [int(k) for k in card["top"]]
    header = " | ".join(f"top-{k}" for k in tops)
    ours = " | ".join(
        f"{each['share']:.1%} ({each['low']:.1%} to {each['high']:.1%})"
        for each in card["top"].values()
    )
    chance = " | ".join(f"{share:.1%}" for share in card["chance"].values())
    lines = [
        f"| {card['clips']} clips of {people(split, signers=card['signers'])} | {header} |",
        "|---|" + "---|" * len(tops),
        f"| this model (95 % interval over signers) | {ours} |",
        f"| chance | {chance} |",
    ]
    if is_alphabet(card["chance"]["1"]):
        before = (f"{PREDECESSOR[k]:.2%}" if k in PREDECESSOR else "not stated" for k in tops)
        lines.append(f"| the predecessor, on its own clips | {' | '.join(before)} |")
    return "\n".join(lines)


def is_alphabet(chance: float) -> bool:
    """Whether guessing is as hard as among the 26 letters, the predecessor's vocabulary."""
    return round(1 / chance) == len(ASL_LETTERS)


def add_to_card(
    evaluation: Evaluation,
    *,
    split: str,
    weights: Path,
    no_sign: Mapping[str, NoSign] = NO_CLIPS,
) -> None:
    """Put the figures of a split into the card of a folder of weights, and write it out to read.

    Raises:
        BundleError: the folder has no manifest.
    """
    manifest = read_manifest(weights)
    told = manifest.card.get("figures", {}) | {split: figures(evaluation, no_sign=no_sign)}
    _write_card(weights, manifest, figures=told)


def add_backend_to_card(
    evaluation: Evaluation, *, backend: str, weights: Path, reference: Sequence[Answer] = ()
) -> None:
    """Put what a backend makes of the validation clips into the card of a folder of weights.

    Args:
        evaluation: its figures.
        backend: its name.
        weights: the folder.
        reference: what the reference answered to the same clips; none for the reference itself.

    Raises:
        InputError: the reference answered other clips.
        BundleError: the folder has no manifest.
    """
    manifest = read_manifest(weights)
    told: dict[str, object] = {
        "clips": len(evaluation.answers),
        "top1": evaluation.top[1].share,
        "calibration_error": evaluation.calibration_error,
    }
    if reference:
        compared = compare_answers(evaluation.answers, reference)
        told["against_reference"] = {
            "top1": asdict(compared.top1),
            "likelihood": asdict(compared.likelihood),
        }
    _write_card(weights, manifest, backends=manifest.card.get("backends", {}) | {backend: told})


def _write_card(weights: Path, manifest: Manifest, **told: object) -> None:
    """Write a folder's manifest with what its card is told, and the card out to read."""
    described = manifest.model_copy(update={"card": manifest.card | told})
    write_text(weights / MANIFEST, described.model_dump_json(indent=2) + "\n")
    write_text(weights / CARD, card_text(described))


def card_text(manifest: Manifest) -> str:
    """Write a model's card out as Markdown; what it does not say is left out."""
    card = manifest.card
    parts = [f"# {manifest.name} {manifest.version}"]
    for name, title in _TOLD.items():
        if name in card:
            parts.append(f"## {title}\n\n{_prose(card[name])}")
    if "data" in card:
        parts.append(_splits_table(card["data"]))
    for split, told in card.get("figures", {}).items():
        of = [_CROSSVAL_PROSE] if split == CROSSVAL else []
        section = [f"## Figures: {split}", *of, figures_table(told, split=split)]
        parts.append("\n\n".join([*section, _figures_prose(told)]))
    if "backends" in card:
        parts.append(f"## What runs it\n\n{_backends_table(card['backends'])}")
    if "uncertainty" in card:
        parts.append(f"## When it says uncertain\n\n{_rule_prose(manifest)}")
    return "\n\n".join(parts) + "\n"


def _prose(told: str | list[str]) -> str:
    return told if isinstance(told, str) else "\n".join(f"- {each}" for each in told)


def _splits_table(data: dict[str, dict[str, int]]) -> str:
    rows = [
        f"| {split} | {told['signers']} | {told['signs']} | {told['clips']} |"
        for split, told in data.items()
        if told["clips"]
    ]
    return "\n".join(["| split | signers | signs | clips |", "|---|---|---|---|", *rows])


def _backends_table(measured: dict[str, Any]) -> str:
    rows = [
        f"| {backend} | {told['clips']} | {told['top1']:.1%} | {told['calibration_error']:.1%} | "
        f"{_likelihood_against(told.get('against_reference'))} |"
        for backend, told in sorted(measured.items(), reverse=True)
    ]
    header = "| backend | validation clips | top-1 | calibration error | log likelihood, gained |"
    return "\n".join([header, "|---|---|---|---|---|", *rows])


def _likelihood_against(told: dict[str, Any] | None) -> str:
    return (
        ""
        if told is None
        else "{share:+.4f} ({low:+.4f} to {high:+.4f})".format(**told["likelihood"])
    )


def _figures_prose(told: dict[str, Any]) -> str:
    worst = sorted(told["by_sign"].items(), key=lambda pair: pair[1])[:_WORST_SIGNS]
    weakest = ", ".join(f"{sign} {share:.0%}" for sign, share in worst)
    return (
        f"Expected calibration error {told['calibration_error']:.1%}"
        f"{_luck_prose(told.get('calibration_luck'))}; "
        f"called uncertain {told['uncertain']:.1%}; "
        f"worst signer {told['worst_signer']:.0%} top-1; weakest signs {weakest}."
        + _likelihood_prose(told.get("likelihood"))
        + _movement_prose(told)
        + _hand_prose(told["hand"])
        + _away_prose(told.get("away"))
        + _no_sign_prose(told["no_sign"])
    )


def _luck_prose(told: dict[str, float] | None) -> str:
    if told is None:  # evaluated before it was worked out
        return ""
    return (
        f" (were every score true, {told['mean']:.1%} on average over sets of so many clips, and "
        f"at most {told['most']:.1%} in 95 of 100)"
    )


def _likelihood_prose(told: dict[str, float] | None) -> str:
    if told is None:  # evaluated before it was kept
        return ""
    return (
        f" Mean log likelihood of the sign {told['share']:.3f} "
        f"({told['low']:.3f} to {told['high']:.3f})."
    )


def _movement_prose(told: dict[str, Any]) -> str:
    said = []
    for pair in told["pairs"]:
        said.append(_pair_prose(pair["all"], pair))
        if pair["moving"]["clips"]:
            said[-1] += f"; of those that move, {_pair_prose(pair['moving'], pair)}"
    return "\n\n" + ". ".join(said) + "." if said else ""


def _pair_prose(counted: dict[str, Any], pair: dict[str, Any]) -> str:
    return (
        f"{counted['right']} of {counted['clips']} {pair['sign']} are right "
        f"({counted['as_other']} are read as {pair['other']}; with shuffled frames "
        f"{counted['shuffled_right']} are right{_lost_prose(counted.get('lost'))})"
    )


def _lost_prose(told: dict[str, float] | None) -> str:
    if told is None:  # evaluated before it was kept
        return ""
    return (
        f", and {told['share']:.2f} of log likelihood is lost "
        f"({told['low']:.2f} to {told['high']:.2f})"
    )


def _hand_prose(told: dict[str, Any]) -> str:
    said = []
    if told["joints_found"] is not None:
        said.append(
            f"In {told['joints_found']:.1%} of the frames every joint of the hand that is in the "
            "picture lies within where the model looks."
        )
    if told["found"] is not None:
        said.append(
            f"In {told['found']:.1%} nine tenths of its box, which is a good deal larger, do; the "
            f"square it looks at overlaps with the one around that box by {told['overlap']:.2f}."
        )
    return "\n\n" + " ".join(said) if said else ""


def _away_prose(told: dict[str, Any] | None) -> str:
    if told is None:
        return ""
    right = told["right"]
    return (
        "\n\nWhen the hand comes late and leaves early, away in a third of the frames, "
        f"{right['share']:.1%} ({right['low']:.1%} to {right['high']:.1%}) of "
        f"{told['clips']} clips are right, in place of {told['whole']:.1%}."
    )


def _no_sign_prose(told: dict[str, Any]) -> str:
    missed = [
        f"{each['missed']} of {each['clips']} {KINDS.get(kind, kind)}"
        for kind, each in told.items()
        if each["clips"]
    ]
    return f"\n\nNot called uncertain: {' and '.join(missed)}." if missed else ""


KINDS = {
    "no_hand": "of clips that show no hand",
    "passing": "of those in which a hand passes from sign to sign",
}


def _missed(told: dict[str, Any]) -> str:
    missed = [f"{share:.0%} {KINDS.get(kind, kind)}" for kind, share in told["missed"].items()]
    return f"It lets pass {' and '.join(missed)}." if missed else ""


def _rule_prose(manifest: Manifest) -> str:
    rule, told = manifest.uncertainty, manifest.card["uncertainty"]
    return (
        f"When the probability of a hand is below {rule.min_hand:g} "
        f"or the best score below {rule.min_top_score:g}. Fitted on the validation clips: "
        f"it doubts {told['of_wrong']:.0%} of wrong answers and {told['of_right']:.0%} of right "
        f"ones. {_missed(told)}"
    )
