"""The command that runs the whole pipeline."""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from pipeline.cli.console import Jobs, Scheduler, app, bar
from pipeline.cluster import workers


@app.command()
def run(
    params: Annotated[Path, typer.Argument(help="YAML file that describes the run.")],
    *,
    until: Annotated[str | None, typer.Option(help="The last stage to run.")] = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Run the whole pipeline from videos to a bundle; only what changed is done again."""
    from pipeline.training.watch import Watch  # noqa: PLC0415 - imports on demand
    from pipeline.workflow.params import read_run_params  # noqa: PLC0415 - on demand
    from pipeline.workflow.places import Places  # noqa: PLC0415 - on demand
    from pipeline.workflow.run import run_pipeline, summarise  # noqa: PLC0415 - on demand
    from pipeline.workflow.stage import Crew  # noqa: PLC0415 - on demand

    asked = read_run_params(params)
    with workers(jobs, scheduler=scheduler) as working:
        crew = Crew(Watch(say=tqdm.write, bar=bar), workers=working)
        outcomes = list(run_pipeline(asked, crew=crew, until=until))
    typer.echo(summarise(outcomes))
    if until is None:
        typer.echo(f"next: signwrite serve --model {Places(asked.out).bundle}")
