"""Starts the service from an image's own file system, as a container would, without an engine.

    sudo make image-test [RUNTIME=cpu]

Root is read-only but for a tmpfs at /tmp, the user is the image's, and so are environment and
command. With TensorFlow in the image, that is what serves. It wants buildah, and root for mounting.
Prints what it found, and what each layer takes.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from pipeline.example import write_example_clip
from tests.servers import lives

BUILDAH = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
START_S, STOP_S = 120.0, 40.0
UNWANTED = ("pip", "pandas", "nncf", "gcc", "cc", "make", "git", "curl")


def buildah(*words: str) -> str:
    """Run buildah, and return what it says."""
    environment = BUILDAH | dict(os.environ)
    done = subprocess.run(  # noqa: S603 - our own arguments
        ["buildah", *words],  # noqa: S607 - wherever it is installed
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"buildah {' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


@contextmanager
def mounted(image: str) -> Iterator[Path]:
    """Make a container of an image; yield its file system."""
    container = buildah("from", "--pull-never", image)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


def command_of(root: Path, config: dict[str, Any], *, port: int) -> list[str]:
    """Return what starts the image's command within its root, read-only, as its user."""
    where, inside = shlex.quote(str(root)), config["Entrypoint"] + ["--port", str(port)]
    enter = shlex.join(["cd", config["WorkingDir"]]) + " && exec " + shlex.join(inside)
    steps = [
        f"touch {where}/etc/hosts",  # every engine puts it there
        f"mount --bind {where} {where}",
        f"mount -o remount,ro,bind {where}",
        f"mount -t tmpfs -o size=256m,mode=1777 scratch {where}/tmp",  # noqa: S108 - the container's own
        f"mount --bind /etc/hosts {where}/etc/hosts",
        f"mount -t proc proc {where}/proc",
        f"mount --rbind /dev {where}/dev",
        f"mount --rbind /sys {where}/sys",
        shlex.join(
            [
                *("exec", "setpriv", "--no-new-privs"),
                *("chroot", f"--userspec={config['User']}", str(root)),
                *("env", "-i", *config["Env"], "sh", "-c", enter),
            ]
        ),
    ]
    return ["unshare", "--mount", "sh", "-c", " && ".join(steps)]


def wait_until_ready(process: "subprocess.Popen[bytes]", url: str) -> float:
    """Wait for /readyz; return how many seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < START_S and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK:
                return time.monotonic() - began
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("a service that becomes ready; it did not")


def family(pid: int) -> list[int]:
    """List a process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def inspect(image: str) -> tuple[dict[str, Any], list[str]]:
    """Return an image's configuration, and a line for each of its layers."""
    told = json.loads(buildah("inspect", "--type", "image", image))
    docker = told["Docker"]
    history = [each for each in docker["history"] if not each.get("empty_layer")]
    layers = json.loads(told["Manifest"])["layers"]
    lines = [
        f"{layer['size'] / 1e6:.0f} MB: {each['created_by'][:90]}"
        for each, layer in zip(history, layers, strict=True)
    ]
    return docker["config"], lines


def sizes(root: Path) -> list[str]:
    """Say how many MB the parts of the file system take."""
    packages = next((root / "opt/venv/lib").glob("python3*")) / "site-packages"
    parts = {
        "all": root,
        "packages": packages,
        "model": root / "srv/model",
        "code": root / "srv/service",
    }
    lines = []
    for name, part in parts.items():
        told = subprocess.run(  # noqa: S603 - our own arguments
            ["du", "-sxm", str(part)],  # noqa: S607 - everywhere
            capture_output=True,
            text=True,
            check=True,
        )
        lines.append(f"{name}: {told.stdout.split()[0]} MB")
    largest = sorted(packages.iterdir(), key=lambda each: -_bytes(each))[:6]
    lines.append("largest packages: " + ", ".join(f"{p.name} {_bytes(p) >> 20}" for p in largest))
    return lines


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())


def check_contents(root: Path, *, runtime: str) -> None:
    """Make sure that nothing is in an image that serving does not need.

    Raises:
        AssertionError: something is.
    """
    packages = next((root / "opt/venv/lib").glob("python3*")) / "site-packages"
    there = {each.name for each in packages.iterdir()} | {
        each.name for folder in ("usr/bin", "usr/local/bin") for each in (root / folder).iterdir()
    }
    unwanted = [each for each in UNWANTED if each in there]
    assert not unwanted, f"none of these in the image: {unwanted}"
    assert ("tensorflow" in there) == (runtime != "openvino"), f"what {runtime} needs"


def check_page(url: str) -> str:
    """Ask for the page, and for the file of it that lies elsewhere."""
    page, palette = httpx.get(url), httpx.get(f"{url}/page/palette.css")
    assert page.headers["content-type"].startswith("text/html"), page.headers
    assert palette.status_code == httpx.codes.OK, palette
    return f"the page: {len(page.content)} bytes of HTML"


def check(root: Path, config: dict[str, Any], *, runtime: str, port: int) -> list[str]:
    """Start the service, use it, stop it; return what was found.

    Raises:
        AssertionError: something is not as it should be.
    """
    check_contents(root, runtime=runtime)
    found = []
    process = subprocess.Popen(command_of(root, config, port=port))  # noqa: S603 - the image's
    url = f"http://127.0.0.1:{port}"
    try:
        found.append(f"ready after {wait_until_ready(process, url):.1f} s")
        processes = family(process.pid)
        users = {Path(f"/proc/{pid}").stat().st_uid for pid in processes}
        assert users == {int(config["User"].split(":")[0])}, users
        found.append(f"{len(processes)} processes, all of user {users.pop()}")
        inside = Path(f"/proc/{process.pid}/root")
        try:
            (inside / "srv" / "written").write_text("")
        except OSError as error:
            found.append(f"root: {error.strerror}")
        else:
            raise AssertionError("a root that is read-only")
        with TemporaryDirectory() as folder:
            clip = write_example_clip(Path(folder) / "B.mp4", sign="B").read_bytes()
        answer = httpx.post(f"{url}/predict", files={"clip": clip}, timeout=60)
        assert answer.status_code == httpx.codes.OK, answer.text
        first = answer.json()["ranking"][0]
        found.append(f"a drawn B: {first['sign']} first, {first['score']:.2f}")
        assert httpx.post(f"{url}/predict", files={"clip": b"?"}).status_code == 415
        found.append(check_page(url))
        told = next(
            line
            for line in httpx.get(f"{url}/metrics").text.splitlines()
            if line.startswith("signwrite_build_info{")
        )
        found.append(told)
        health = config["Healthcheck"]["Test"]
        assert health[0] == "CMD"
        pulse = ["nsenter", f"--mount=/proc/{process.pid}/ns/mnt", "chroot", str(root)]
        port_told = [each.replace(":3000/", f":{port}/") for each in health[1:]]
        subprocess.run(  # noqa: S603 - the image's own command
            [*pulse, "env", "-i", *config["Env"], *port_told], check=True
        )
        found.append("its health check says yes")
        written = sorted(str(path.relative_to(inside)) for path in (inside / "tmp").iterdir())
        found.append(f"written: {', '.join(written)}, all within the tmpfs")
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(httpx.post, f"{url}/predict", files={"clip": clip}, timeout=60)
            time.sleep(0.15)
            process.send_signal(signal.SIGTERM)
            answered = under_way.result().status_code
        code = process.wait(STOP_S)
        assert (answered, code) == (200, 0), (answered, code)
        assert not [pid for pid in processes if lives(pid)]
        found.append("SIGTERM: the request under way is answered 200; status 0; no process left")
    finally:
        if process.poll() is None:  # something was not as it should be
            for pid in reversed(family(process.pid)):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    return found


def main() -> None:
    """Check an image, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", default="signwrite")
    parser.add_argument("--runtime", choices=("openvino", "cpu", "gpu"), default="openvino")
    parser.add_argument("--port", type=int, default=3210)
    given = parser.parse_args()
    config, layers = inspect(given.image)
    if given.runtime != "openvino":
        config["Env"].append("SIGNWRITE_BACKEND=tensorflow")
    with mounted(given.image) as root:
        found = check(root, config, runtime=given.runtime, port=given.port)
        print("\n".join([*layers, *sizes(root), *found]))


if __name__ == "__main__":
    main()
