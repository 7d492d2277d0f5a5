"""Draws the dashboard of `deploy/grafana` as it looks while a crowd comes, without Grafana.

    python -m benchmarks.dashboard [--model BUNDLE] [--out PICTURE]

Prometheus (Debian's package) scrapes the service with the project's own rules, while `loadtests`
sends a crowd. Every query of the dashboard is then asked of it, and drawn where Grafana would draw
it. The range of rates is shorter than on the dashboard, as all of it takes minutes only.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.servers import free_port, serving, signwrite_serving

ROOT = Path(__file__).resolve().parents[1]
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "signwrite.json"
_PROMETHEUS = ROOT / "deploy" / "prometheus"
_RATES_OVER = "[30s]"
_STEP_S = 2
_WIDTH = 24  # of Grafana's grid


class Prometheus:
    """A Prometheus that is running.

    Args:
        port: where it answers.
    """

    def __init__(self, port: int) -> None:
        """Ask nothing yet."""
        self._address = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, path: str, **parameters: str | float) -> Any:  # noqa: ANN401 - what it answers
        """Return the `data` of an answer of its API.

        Raises:
            urllib.error.HTTPError: it cannot answer, as the query is wrong.
        """
        with urlopen(f"{self._address}/{path}?{urlencode(parameters)}", timeout=30) as answer:  # noqa: S310 - http, on this machine
            return json.load(answer)["data"]


@contextmanager
def watching(port: int, *, every_s: int = _STEP_S) -> Iterator[Prometheus]:
    """Let Prometheus scrape a service of this machine with the project's rules.

    Args:
        port: the service's.
        every_s: how often it scrapes.

    Raises:
        RuntimeError: there is no Prometheus, or it does not start.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise RuntimeError("Prometheus wanted: apt-get install prometheus; it is not installed")
    config = yaml.safe_load((_PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = dict.fromkeys(config["global"], f"{every_s}s")
    config["rule_files"] = [str(_PROMETHEUS / name) for name in config["rule_files"]]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    own = free_port()
    with TemporaryDirectory() as folder:
        written = Path(folder) / "prometheus.yml"
        written.write_text(yaml.safe_dump(config))
        command = [program, f"--config.file={written}", f"--storage.tsdb.path={folder}/series"]
        command += [f"--web.listen-address=127.0.0.1:{own}", "--log.level=warn"]
        with serving(command, port=own, environment={}, ready="/-/ready"):
            yield Prometheus(own)


def draw(prometheus: Prometheus, *, began_s: float, ended_s: float, path: Path) -> None:
    """Ask every query of the dashboard, and draw its panels where Grafana has them."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = Figure(figsize=(15, height * 0.42), layout="constrained")
    grid = figure.add_gridspec(height, _WIDTH)
    for panel in panels:
        place = panel["gridPos"]
        rows = slice(place["y"], place["y"] + place["h"])
        axes = figure.add_subplot(grid[rows, place["x"] : place["x"] + place["w"]])
        axes.set_title(panel["title"], fontsize=9, loc="left")
        for target in panel["targets"]:
            query = re.sub(r"\[\d+[smh]\]", _RATES_OVER, target["expr"])
            span = {"start": began_s, "end": ended_s, "step": _STEP_S}
            found = prometheus.ask("query_range", query=query, **span)["result"]
            _draw_series(axes, found, named=target["legendFormat"], since_s=began_s)
        axes.set_ylim(bottom=0)
        axes.tick_params(labelsize=7)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=6, loc="upper left", ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def _draw_series(axes: Axes, found: list[Any], *, named: str, since_s: float) -> None:
    for series in found:
        name = named
        for label in re.findall(r"\{\{(\w+)\}\}", named):
            name = name.replace(f"{{{{{label}}}}}", series["metric"].get(label, ""))
        at, values = zip(*series["values"], strict=True)
        axes.plot([when - since_s for when in at], [float(value) for value in values], label=name)


def main() -> None:
    """Serve, scrape, send a crowd, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("build/asl-letters"))
    parser.add_argument("--step-s", type=float, default=30.0)
    parser.add_argument("--out", type=Path, default=Path("build/bench/dashboard.png"))
    given = parser.parse_args()
    with signwrite_serving(given.model) as port, watching(port) as prometheus:
        began_s = time.time()
        crowd = ["--host", f"http://127.0.0.1:{port}", "--shape", "spike"]
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "loadtests", *crowd, "--step-s", str(given.step_s)],
            cwd=ROOT,
            check=False,  # whether it meets its objective is not asked here
        )
        time.sleep(2 * _STEP_S)
        draw(prometheus, began_s=began_s, ended_s=time.time(), path=given.out)
    print(f"drew {given.out}")


if __name__ == "__main__":
    main()
