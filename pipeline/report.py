"""What an evaluation says, in Markdown and JSON, and in the model card."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.evaluate import PREDECESSOR, Evaluation
from pipeline.files import write_text
from signwrite.bundle import MANIFEST, Manifest, read_manifest

_MOST_CONFUSED = 12


def write_report(evaluation: Evaluation, *, manifest: Manifest, split: str, out: Path) -> str:
    """Write ``<split>.md`` and ``<split>.json`` into a folder; return the Markdown."""
    card = figures(evaluation)
    text = "\n".join(
        [
            f"# {manifest.name} {manifest.version}, {split}",
            "",
            figures_table(card),
            "",
            f"Expected calibration error: {card['calibration_error']:.1%}.",
            f"Called uncertain: {card['uncertain']:.1%}.",
            "",
            "| most confused | read as | times |",
            "|---|---|---|",
            *(
                f"| {label} | {read} | {times} |"
                for label, read, times in evaluation.confusions[:_MOST_CONFUSED]
            ),
            "",
            _shares_table("sign", evaluation.by_sign),
            "",
            _shares_table("signer", evaluation.by_signer),
            "",
        ]
    )
    write_text(out / f"{split}.md", text)
    answers = [asdict(answer) for answer in evaluation.answers]
    content = {"model": [manifest.name, manifest.version], "figures": card, "answers": answers}
    write_text(out / f"{split}.json", json.dumps(content, indent=2) + "\n")
    return text


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures of an evaluation as JSON for the model card; no signer is named."""
    return {
        "clips": len(evaluation.answers),
        "signers": len(evaluation.by_signer),
        "top": {
            str(k): {"share": each.share, "low": each.low, "high": each.high}
            for k, each in evaluation.top.items()
        },
        "chance": {str(k): share for k, share in evaluation.chance.items()},
        "worst_signer": min(share for share, _ in evaluation.by_signer.values()),
        "by_sign": {sign: share for sign, (share, _) in evaluation.by_sign.items()},
        "calibration_error": evaluation.calibration_error,
        "uncertain": evaluation.uncertain,
    }


def figures_table(card: dict[str, Any]) -> str:
    """Lay the figures of a card beside chance and the predecessor's, as a Markdown table."""
    tops = [int(k) for k in card["top"]]
    header = " | ".join(f"top-{k}" for k in tops)
    ours = " | ".join(
        f"{each['share']:.1%} ({each['low']:.1%} to {each['high']:.1%})"
        for each in card["top"].values()
    )
    before = " | ".join(f"{PREDECESSOR[k]:.2%}" if k in PREDECESSOR else "not stated" for k in tops)
    chance = " | ".join(f"{share:.1%}" for share in card["chance"].values())
    lines = [
        f"| {card['clips']} clips of {card['signers']} unseen signers | {header} |",
        "|---|" + "---|" * len(tops),
        f"| this model (95 % interval over signers) | {ours} |",
        f"| chance | {chance} |",
        f"| the predecessor, on its own clips | {before} |",
    ]
    return "\n".join(lines)


def add_to_card(evaluation: Evaluation, *, split: str, weights: Path) -> None:
    """Put the figures of a split into the card of a folder of weights.

    Raises:
        BundleError: the folder has no manifest.
    """
    manifest = read_manifest(weights)
    told = manifest.card.get("figures", {}) | {split: figures(evaluation)}
    described = manifest.model_copy(update={"card": manifest.card | {"figures": told}})
    write_text(weights / MANIFEST, described.model_dump_json(indent=2) + "\n")


def _shares_table(what: str, shares: dict[str, tuple[float, int]]) -> str:
    rows = [f"| {name} | {share:.0%} | {count} |" for name, (share, count) in shares.items()]
    return "\n".join([f"| {what} | right | clips |", "|---|---|---|", *rows])
