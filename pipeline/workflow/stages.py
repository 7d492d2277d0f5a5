"""Which stages a run consists of."""

from pipeline.workflow.footage_stages import cut_stage, extract_stage, landmarks_stage, source_stage
from pipeline.workflow.model_stages import (
    evaluate_stage,
    export_stage,
    quantise_stage,
    train_stage,
)
from pipeline.workflow.params import RunParams
from pipeline.workflow.places import Places
from pipeline.workflow.stage import Stage


def plan_stages(params: RunParams) -> list[Stage]:
    """List the stages that a run consists of, in order."""
    places = Places(params.out)
    stages = [source_stage(params)] if params.example or params.download else []
    stages.append(cut_stage(params, places))
    if params.extract is not None:
        stages.append(extract_stage(params, places))
    if params.find_landmarks is not None:
        stages.append(landmarks_stage(params, places))
    stages.append(train_stage(params, places))
    if params.quantise:
        stages.append(quantise_stage(places))
    return [*stages, export_stage(params, places), evaluate_stage(params, places)]
