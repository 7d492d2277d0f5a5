"""The workshop holds what CONTRIBUTING.md promises: locks, layers, make's targets, the tree."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import httpx
import psutil
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
# What each lock is resolved from: extras and dependency groups of pyproject.toml.
LOCKS = {
    "run-cpu": (("cpu", "cli"), ("build",)),
    "run-gpu": (("gpu", "cli"), ("build",)),
    "serve-cpu": (("cpu",), ()),
    "serve-gpu": (("gpu",), ()),
    "dev-cpu": (("cpu", "pipeline"), ("build", "dev")),
    "dev-gpu": (("gpu", "pipeline"), ("build", "dev")),
    "serve-openvino": (("openvino",), ()),
    "peers-cpu": (("cpu",), ("build", "peers")),
}
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+?))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
MIB = 1024 * 1024
VIDEO = {".3gp", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"}
MEDIA = VIDEO | {".jpeg", ".jpg", ".mp3", ".ts", ".wav"}


def entries(lock: str) -> list[str]:
    text = (REQUIREMENTS / f"{lock}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins(lock: str) -> dict[str, str]:
    matches = [PIN.match(entry) for entry in entries(lock)]
    return {canonicalize_name(match["name"]): match["version"] for match in matches if match}


def requirements(extras: tuple[str, ...], groups: tuple[str, ...]) -> list[Requirement]:
    """Read the direct requirements, following references between extras."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, found = pyproject["project"], []
    wanted = [
        *project["dependencies"],
        *(line for extra in extras for line in project["optional-dependencies"][extra]),
        *(line for group in groups for line in pyproject["dependency-groups"][group]),
    ]
    for line in wanted:
        if isinstance(line, dict):  # include-group; LOCKS names those groups too
            continue
        requirement = Requirement(line)
        if requirement.name == project["name"]:
            found += requirements(tuple(sorted(requirement.extras)), ())
        else:
            found.append(requirement)
    return found


def test_every_lock_file_is_described_here() -> None:
    assert {path.stem for path in REQUIREMENTS.iterdir()} == set(LOCKS)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    text = (REQUIREMENTS / f"{lock}.txt").read_text(encoding="utf-8")
    assert not re.findall(r".*(?:://| @ |--(?:extra-)?index|--find-links|--trusted).*", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_is_pinned_by_hash(lock: str) -> None:
    for entry in entries(lock):
        requirement, *hashes = re.split(r"\s+(?=--hash)", entry)
        assert PIN.fullmatch(requirement.strip()), entry
        assert hashes, requirement
        assert all(HASH.fullmatch(digest.strip()) for digest in hashes), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_direct_requirement_within_its_range(lock: str) -> None:
    pinned = pins(lock)
    for requirement in requirements(*LOCKS[lock]):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement}: not in {lock}.txt; run make lock"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{requirement}: {version}"
        )


def test_the_locks_agree_on_every_version() -> None:
    together = pins("dev-cpu") | pins("dev-gpu")
    for lock in LOCKS:
        shared = pins(lock)
        if lock == "peers-cpu":  # it alone holds what the peers serve with
            shared = {name: version for name, version in shared.items() if name in together}
        assert shared.items() <= together.items()


@pytest.mark.parametrize("build", ["cpu", "gpu"])
def test_each_lock_holds_the_smaller_ones(build: str) -> None:
    serve, run, develop = (pins(f"{purpose}-{build}") for purpose in ("serve", "run", "dev"))
    assert serve.items() < run.items() < develop.items()


def test_the_lock_for_serving_holds_nothing_of_the_command_line() -> None:
    added = pins("run-cpu").keys() - pins("serve-cpu").keys()
    assert {"typer", "tqdm", "pip"} <= added


def test_the_lock_without_tensorflow_is_the_one_with_it_less_that() -> None:
    large, small = pins("serve-cpu"), pins("serve-openvino")
    assert small.items() < large.items()
    assert {"tensorflow-cpu", "keras"} <= large.keys() - small.keys()


@pytest.mark.parametrize("lock", sorted(LOCKS.keys() - {"serve-openvino"}))
def test_each_machine_gets_one_tensorflow_and_no_torch(lock: str) -> None:
    heavy = [
        Requirement(entry.partition(" --hash")[0])
        for entry in entries(lock)
        if re.match(r"tensorflow(-cpu)?==|torch", entry)
    ]
    for machine, cpu_build in (
        ("x86_64", "tensorflow-cpu"),
        ("AMD64", "tensorflow-cpu"),
        ("aarch64", "tensorflow"),
        ("arm64", "tensorflow"),
    ):
        installed = [
            found.name
            for found in heavy
            if found.marker is None or found.marker.evaluate({"platform_machine": machine})
        ]
        assert installed == ["tensorflow" if lock.endswith("gpu") else cpu_build]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(  # noqa: S603 - our own environment's tool
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copied_packages(tmp_path: Path) -> Path:
    for package in ("signwrite", "pipeline", "service"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold(copied_packages: Path) -> None:
    linted = lint_imports(copied_packages)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert " 0 broken" in linted.stdout


INTRUDERS = {
    "service/schema.py": ("pipeline.encoding", "tensorflow"),
    "pipeline/files.py": ("service.settings", "av", "bentoml"),
    "pipeline/encoding.py": ("pandas",),
    "signwrite/ranking.py": ("pipeline.annotations",),
    "signwrite/recipe.py": ("keras",),
}


def test_every_import_against_the_layers_is_caught(copied_packages: Path) -> None:
    for module, intruders in INTRUDERS.items():
        with (copied_packages / module).open("a", encoding="utf-8") as source:
            source.writelines(f"import {intruder}\n" for intruder in intruders)
    linted = lint_imports(copied_packages)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    for module, intruders in INTRUDERS.items():
        importer = module.removesuffix(".py").replace("/", ".")
        for intruder in intruders:
            assert f"{importer} -> {intruder} (" in linted.stdout, (importer, intruder)


def outer_environment() -> dict[str, str]:
    """Return the environment without what a make that runs these tests put into it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(*arguments: str, folder: Path = ROOT, **environment: str) -> tuple[int, str]:
    command = ["make", *arguments]
    done = subprocess.run(  # noqa: S603 - make, with arguments written in this file
        command,
        cwd=folder,
        env=outer_environment() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_help_lists_every_target_a_person_would_call() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    code, output = make("help")
    assert code == 0
    assert set(re.findall(r"^  make ([a-z-]+) ", output, re.MULTILINE)) == set(phony[1].split())


@pytest.mark.parametrize("version", ["2.7.18", "3.10.13", "3.13.0"])
def test_a_python_of_another_version_is_refused_by_name(version: str, tmp_path: Path) -> None:
    python = tmp_path / "python"
    numbers = tuple(int(part) for part in version.split("."))
    python.write_text(
        "#!/bin/sh\n"
        f"exec {sys.executable} -c 'import sys; sys.version_info = {numbers}; "
        f'sys.version = "{version} (other)"; exec(sys.argv[1])\' "$2"\n'
    )
    python.chmod(0o755)
    code, output = make("test", f"PYTHON={python}", f"VENV={tmp_path}/venv")
    assert code != 0
    assert f"Python 3.11 or 3.12 wanted; {python} is {version}" in output
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    code, output = make("test", "PYTHON=no-such-python", f"VENV={tmp_path}/venv")
    assert code != 0
    assert "Python 3.11 or 3.12 wanted; no-such-python is not a command here" in output


def test_an_unknown_tensorflow_is_refused() -> None:
    code, output = make("test", "TENSORFLOW=tpu")
    assert code != 0
    assert 'cpu or gpu wanted; received "tpu"' in output


def test_the_bill_of_materials_lists_all_that_serves() -> None:
    done = f"{sys.prefix}/dev.done"  # the environment that runs this is not made anew
    status, output = make("sbom", f"VENV={sys.prefix}", "-o", done)
    assert status == 0, output
    told = json.loads((ROOT / "build" / "sbom-cpu.json").read_text())
    listed = {each["name"].lower(): each.get("version") for each in told["components"]}
    assert told["bomFormat"] == "CycloneDX"
    assert pins("serve-cpu").items() <= listed.items()


@pytest.mark.slow
def test_a_package_that_differs_from_its_hash_stops_the_installation(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "swapped-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("swapped.py", "")
        wheel.writestr(
            "swapped-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: swapped\nVersion: 1.0\n"
        )
        wheel.writestr(
            "swapped-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("swapped-1.0.dist-info/RECORD", "swapped.py,,\n")
    (tmp_path / "requirements").mkdir()
    lock = tmp_path / "requirements" / "run-cpu.txt"
    lock.write_text(f"swapped==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    code, output = make(
        f"--file={ROOT / 'Makefile'}",
        ".venv/run.done",
        f"PYTHON={sys.executable}",
        folder=tmp_path,
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path),
    )
    assert code != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in output
    assert not (tmp_path / ".venv" / "run.done").exists()
    assert not list((tmp_path / ".venv").rglob("swapped.py"))


@pytest.mark.slow
def test_make_run_serves_a_prediction_and_leaves_nothing_running() -> None:
    environment = Path(sys.prefix)
    if not (environment / "dev.done").exists():
        pytest.skip("this environment was not made by make")
    if shutil.which("curl") is None:
        pytest.skip("the printed line needs curl")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["make", "run", f"PORT={port}", f"VENV={environment}"]
    server = subprocess.Popen(  # noqa: S603 - make, with arguments written in this file
        command,
        cwd=ROOT,
        env=outer_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    started = [psutil.Process(server.pid)]
    try:
        assert server.stdout is not None
        said = []
        for line in server.stdout:
            said.append(line)
            if line.startswith("curl "):
                break
        started += psutil.Process(server.pid).children(recursive=True)
        assert said, "make run ended without a word"
        assert said[-1].startswith("curl "), "".join(said)
        posted = subprocess.run(  # noqa: S603 - the line that the README shows
            shlex.split(said[-1]), cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert '"ranking"' in posted.stdout, posted
    finally:
        server.terminate()
        server.communicate()
        _, alive = psutil.wait_procs(started, timeout=20)
        for process in alive:
            process.kill()
    assert not alive
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/livez")


@cache
def tracked() -> tuple[Path, ...]:
    """List the files that are in git, or would be after `git add --all`."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(  # noqa: S603 - git, with arguments written here
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return tuple(
        Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()
    )


def test_only_models_are_large() -> None:
    sizes = {path: (ROOT / path).stat().st_size for path in tracked()}
    large = {path: size for path, size in sizes.items() if size > 2 * MIB}
    assert {path for path in large if path.parts[0] != "models"} == set()
    assert sum(size for path, size in sizes.items() if path.parts[0] == "models") <= 80 * MIB


def test_no_media_is_in_the_repository() -> None:
    assert [path for path in tracked() if path.suffix.lower() in MEDIA] == []


def test_every_suppression_gives_its_reason() -> None:
    rules = r"[A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)*"
    reasoned = re.compile(rf"# noqa: {rules} - \S|# type: ignore\[[a-z, -]+\]  # \S")
    bare = [
        f"{path}:{number}: {line.strip()}"
        for path in tracked()
        if path.suffix == ".py" and path != Path("tests/test_workshop.py")
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"# (?:noqa|type: ignore|pragma)", line) and not reasoned.search(line)
    ]
    assert not bare, "\n".join(bare)


def test_no_module_is_named_for_being_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
    assert [path for path in tracked() if path.suffix == ".py" and path.stem in drawers] == []
