"""The documents tell the truth: commands run, links resolve, endpoints and settings exist."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pipeline.annotations import read_annotations
from pipeline.workflow.params import read_run_params
from pipeline.workflow.stages import plan_stages
from service.faults import FAULTS, INTERNAL, ClientGoneError
from signwrite.answer import PredictionAnswer
from tests.clips import counter_clip
from tests.servers import Server

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "models/**/*.md") for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVED_AT = "http://localhost:3000"
# What a shell does itself; there is nothing of ours to run.
SHELL = frozenset({". .venv/bin/activate"})


@dataclass(frozen=True)
class Command:
    """A command that a document tells its reader to give."""

    document: Path
    line: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line)

    @property
    def program(self) -> str:
        return Path(self.words[0]).name

    def __str__(self) -> str:
        return f"{self.document.name}: {self.line}"


def blocks(document: Path, language: str) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return [match["body"] for match in FENCE.finditer(text) if match["language"] == language]


def commands() -> Iterator[Command]:
    """Yield the commands in fenced blocks, and those that the text names."""
    for document in DOCUMENTS:
        for block in blocks(document, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                yield Command(document, line.strip())
        prose = FENCE.sub("", document.read_text(encoding="utf-8"))
        for code in re.findall(r"`((?:make|signwrite|curl) [^`]+)`", prose):
            yield Command(document, code)


def of(*programs: str) -> list[Command]:
    found = {str(command): command for command in commands() if command.program in programs}
    return list(found.values())


def run(words: list[str], *, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(  # noqa: S603 - what the documents tell a reader to run
        words,
        cwd=folder,
        env=inherited | {"COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_is_no_command_that_no_test_runs() -> None:
    lines = {
        command.line
        for command in commands()
        if command.program not in {"make", "signwrite", "curl"}
    }
    assert lines <= SHELL


@pytest.mark.parametrize("command", of("make"), ids=str)
def test_a_make_target_exists(command: Command) -> None:
    dry = run([*command.words, "--dry-run", f"VENV={sys.prefix}"])
    assert dry.returncode == 0, dry.stdout + dry.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", of("signwrite"), ids=str)
def test_a_signwrite_command_has_these_options(command: Command) -> None:
    subcommand = [word for word in command.words[1:2] if not word.startswith("-")]
    shown = run([str(Path(sys.executable).parent / "signwrite"), *subcommand, "--help"])
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "Usage" in shown.stdout
    for word in command.words:
        if word.startswith("-"):
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", shown.stdout), word


@pytest.mark.slow
@pytest.mark.parametrize("command", of("curl"), ids=str)
def test_a_curl_line_gets_a_ranking(command: Command, server: Server, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    uploads = re.findall(r"clip=@(\S+)", command.line)
    assert uploads
    for upload in uploads:
        (tmp_path / upload).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / upload).write_bytes(counter_clip())
    posted = run(
        [*shlex.split(command.line.replace(SERVED_AT, server.url)), "--silent"], folder=tmp_path
    )
    assert posted.returncode == 0, posted.stderr
    answer = PredictionAnswer.model_validate_json(posted.stdout)
    wanted = re.search(r"top_k=(\d+)", command.line)
    assert len(answer.ranking) == (int(wanted[1]) if wanted else 5)


@pytest.mark.slow
def test_every_endpoint_is_described_and_answers(server: Server) -> None:
    described = httpx.get(f"{server.url}/docs.json").json()["paths"]
    named = {
        match
        for document in DOCUMENTS
        for match in re.findall(r"`(GET|POST) (/[\w./]+)`", document.read_text(encoding="utf-8"))
    }
    assert ("POST", "/predict") in named
    for method, path in named:
        if path not in {"/docs.json", "/docs"}:  # the description itself
            assert method.lower() in described[path]
        if method == "GET":
            assert httpx.get(server.url + path).status_code == 200, path


def test_the_answer_in_the_readme_is_one_that_the_service_gives() -> None:
    (shown,) = blocks(ROOT / "README.md", "json")
    answer = PredictionAnswer.model_validate_json(shown)
    assert [found.rank for found in answer.ranking] == [1, 2]
    assert sum(found.score for found in answer.ranking) <= 1


def test_the_readme_lists_every_status() -> None:
    listed = {int(status) for status in re.findall(r"^\| (\d{3}) \|", README, re.MULTILINE)}
    assert listed == {200, INTERNAL.status} | {
        fault.status for kind, fault in FAULTS.items() if kind is not ClientGoneError
    }


def anchors(document: Path) -> set[str]:
    """List a document's headings as the anchors that links to them name."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_decision_has_its_own_number() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("described", blocks(ROOT / "docs" / "training.md", "yaml"))
def test_a_file_of_a_run_says_nothing_that_is_not_understood(
    described: str, tmp_path: Path
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(described, encoding="utf-8")
    params = read_run_params(file)
    assert params.out.is_relative_to(tmp_path)
    assert plan_stages(params.model_copy(update={"about": None}))[-1].name == "evaluate"


def test_the_shipped_models_run_is_understood() -> None:
    params = read_run_params(ROOT / "models" / "letters.yaml")
    assert params.out == ROOT / "models" / ".." / "runs" / "letters"
    assert [stage.name for stage in plan_stages(params)] == [
        *("cut", "landmarks", "train", "quantise", "export", "evaluate")
    ]


@pytest.mark.parametrize("example", blocks(ROOT / "docs" / "training.md", "csv"))
def test_an_annotation_example_is_read_without_a_fault(example: str, tmp_path: Path) -> None:
    file = tmp_path / "annotations.csv"
    file.write_text(example, encoding="utf-8")
    assert len(read_annotations(file)) == 3
