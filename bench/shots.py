"""Take the pictures of docs/images again, from a running service while a trace is replayed.

EXTRA_APPS=bench.shop bin/up, then `python -m bench.shots --trace FILE [NAME...]` with the packages of
requirements-dev.txt. It sets the scene, replays, signs in, and writes a PNG of 256 colours for each.
"""

import argparse
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from launch import browser as finder
from launch import environment, manage, servers
from launch.data import DataDirectory
from launch.process import LaunchError

PROGRAM = "python -m bench.shots"
IMAGES = environment.ROOT / "docs" / "images"
DESK, PHONE = (1440, 900), (390, 844)
# How far a replay is before the first picture, and how fast its time runs: eighty minutes in a millisecond.
REPLAYED_SECONDS, SPEED = 45.0, 4_800_000
PATIENCE_MS = 60_000
COLOURS = 256
SCENE = "import json; from bench import scene; print(json.dumps(scene.set_up()))"
MANAGE = str(environment.ROOT / "manage.py")


@dataclass(frozen=True)
class Shot:
    """One picture. {org} and the like in a path are what the scene made; `press` names a link that opens a dialog."""

    name: str
    path: str
    press: str = ""
    window: tuple[int, int] = DESK
    dark: bool = False


TABLES = "/admin/workflows"
SHOTS = (
    Shot("instance", f"{TABLES}/instance/{{order}}/change/"),
    Shot("instance-dark", f"{TABLES}/instance/{{order}}/change/", dark=True),
    Shot("instance-phone", f"{TABLES}/instance/{{order}}/change/", window=PHONE),
    Shot("overview", "/admin/"),
    Shot("overview-dark", "/admin/", dark=True),
    Shot("overview-phone", "/admin/", window=PHONE),
    Shot("organizations", f"{TABLES}/organization/"),
    Shot("organization", f"{TABLES}/organization/{{org}}/change/"),
    Shot("rollout", f"{TABLES}/organization/{{org}}/change/", press="Change rollout"),
    Shot("plan", f"{TABLES}/rolloutplan/{{plan}}/change/"),
    Shot("buffer", "/admin/buffer/"),
    Shot("instances", f"{TABLES}/instance/"),
    Shot("bulk", f"{TABLES}/bulkaction/new/?verb=cancel&q=status:paused"),
    Shot("storms", f"{TABLES}/storm/"),
    Shot("shards", f"{TABLES}/shard/"),
    Shot("definitions", f"{TABLES}/definition/"),
    Shot("definition", f"{TABLES}/definition/welcome/edit/"),
    Shot("bindings", f"{TABLES}/binding/"),
    Shot("schedules", f"{TABLES}/schedule/"),
    Shot("runbook", "/admin/runbooks/WorkflowsStormOpen/"),
    Shot("settings", "/admin/settings/"),
)


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    try:
        take(options)
    except LaunchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(PROGRAM, description="Take the pictures of docs/images from a running bin/up.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(shot.name for shot in SHOTS)}; all")
    parser.add_argument("--trace", type=Path, help="what is replayed meanwhile: commits, as burst has them")
    parser.add_argument("--into", type=Path, default=IMAGES, help="where the pictures go (%(default)s)")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - {shot.name for shot in SHOTS}):
        parser.error(f"no picture {unknown[0]}")
    return options


def take(options: argparse.Namespace) -> None:
    """Set the scene and take what is asked for.

    Raises:
        LaunchError: no bin/up runs, its admin is not known, or the scene could not be set.
    """
    data = DataDirectory(manage.data_path())
    runtime = data.runtime()
    if runtime is None or not data.is_held():
        raise LaunchError("nothing runs here: EXTRA_APPS=bench.shop bin/up")
    known = json.loads(data.credentials.read_text()) if data.credentials.exists() else {}
    if "admin_password" not in known:
        raise LaunchError(f"no admin's password is kept in {data.credentials}")
    if not runtime.address:
        raise LaunchError(f"{runtime.program} holds the data directory, and serves no pages")
    variables = {**servers.of(runtime, data), "EXTRA_APPS": "bench.shop"}
    set_scene(variables)
    chosen = [shot for shot in SHOTS if not options.names or shot.name in options.names]
    with replaying(options.trace, variables), browsing() as started:
        # Once more, so that what moves is of this minute.
        made = set_scene(variables)
        for shot in chosen:
            with signed_in(started, runtime.address, known, shot) as page:
                show(page, f"{runtime.address}{shot.path.format(**made)}", shot.press)
                picture = small(page.screenshot(animations="disabled"))
            (options.into / f"{shot.name}.png").write_bytes(picture)
            print(f"{shot.name}: {len(picture):,} bytes", flush=True)


def small(picture: bytes) -> bytes:
    """A PNG as a browser takes it, in 256 colours of its own: a page has few, and their edges."""
    kept = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as taken:
        taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def set_scene(variables: Mapping[str, str]) -> dict[str, str]:
    command = [sys.executable, MANAGE, "shell", "--no-imports", "-c", SCENE]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise LaunchError(f"the scene could not be set: {(ran.stderr.strip().splitlines() or ['no word'])[-1]}")
    made: dict[str, str] = json.loads(ran.stdout.splitlines()[-1])
    return made


@contextmanager
def replaying(trace: Path | None, variables: Mapping[str, str]) -> Iterator[None]:
    """Replay the trace meanwhile, from some time before."""
    if trace is None:
        yield
        return
    command = [sys.executable, MANAGE, "burst", "--trace", str(trace), "--speed", str(SPEED)]
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as burst:
        try:
            time.sleep(REPLAYED_SECONDS)
            yield
        finally:
            burst.terminate()


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = finder.on_path() or playwright.chromium.executable_path
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def signed_in(browser: Browser, address: str, known: Mapping[str, Any], shot: Shot) -> Iterator[Page]:
    width, height = shot.window
    scheme: Any = "dark" if shot.dark else "light"
    with browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{address}/admin/login/")
        page.get_by_label("Username").fill(known["admin_user"])
        page.get_by_label("Password").fill(known["admin_password"])
        page.get_by_role("button", name="Log in").click()
        yield page


def show(page: Page, url: str, press: str) -> None:
    page.goto(url)
    if press:
        page.get_by_role("link", name=press).first.click()
        page.get_by_role("dialog").wait_for()
    page.wait_for_load_state("networkidle")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
