"""What many tests need: files in a passing folder, clips made on the spot, a running site.

Real parts throughout: PostgreSQL, ffmpeg, uvicorn, django-q2 and Chromium are the ones users run.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import override_settings

from matching.models import CutToken, DuplicateLink, FeatureVector, Fingerprint
from tests.aws import KEY, SECRET, Aws, running
from tests.clamav import Clamd, running_clamd
from tests.clearing import clearing
from tests.prepared import clear_away, lay_out
from tests.processes import below
from tests.small_models import SIDE, small_model
from tvidz.pipeline import analyse
from tvidz.postgres.configuration import DATABASE, ROLE
from tvidz.postgres.place import PORT, find_place
from videos.media.ffmpeg import find_ffmpeg
from videos.models import MediaType, Upload, Video
from videos.uploads.accept import Arrival, accept
from videos.uploads.s3.setup import set_up

PROJECT = Path(__file__).resolve().parent.parent
# Two scenes of two seconds each with a hard cut between them, rich in detail and moving.
SCENES = (
    "mandelbrot=s=320x180:r=25:start_scale=0.4:end_scale=0.05:end_pts=100",
    "testsrc2=s=320x180:r=25",
    "life=s=160x90:r=25:seed=5:ratio=0.4:mold=10,scale=320:180:flags=neighbor,boxblur=3",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests that take minutes, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: make longtest runs it"))


def pytest_unconfigure(config: pytest.Config) -> None:
    # Workers of a run share it; the one that started them outlives them.
    if not hasattr(config, "workerinput"):
        clear_away()


@pytest.fixture(autouse=True)
def files_in_a_passing_folder(tmp_path: Path, settings: Any) -> None:
    """No test writes into the var folder of the one who runs it."""
    var = tmp_path / "var"
    settings.TVIDZ = settings.TVIDZ.model_copy(update={"var": var})
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": var / "files", "base_url": None},
        },
    }


@pytest.fixture(autouse=True, scope="session")
def tests_that_commit_are_cleared_up_soon() -> Iterator[None]:
    """See `tests.clearing`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", clearing(DatabaseOperations.sql_flush))
        yield


@pytest.fixture(autouse=True, scope="session")
def passwords_are_soon_hashed() -> Iterator[None]:
    """What makes a stolen hash worthless makes a test of signing in slow."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def change_settings(settings: Any) -> Callable[..., None]:
    """Change our own settings for one test: change_settings(min_matches=2)."""

    def change(**values: Any) -> None:
        settings.TVIDZ = settings.TVIDZ.model_copy(update=values)

    return change


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """S3 and SQS in a process of their own, for all tests."""
    with running(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


@pytest.fixture
def aws(emulator: Aws, change_settings: Callable[..., None]) -> Aws:
    """An S3 with our bucket and queue in it and nothing else, which our settings name."""
    emulator.reset()
    change_settings(
        s3_endpoint=emulator.url, s3_access_key=KEY, s3_secret_key=SECRET, s3_uploads=True
    )
    list(set_up())
    # Which S3 says of its own accord, once, when it is told where to send its events.
    emulator.messages()
    return emulator


@pytest.fixture
def library_bucket(aws: Aws, change_settings: Callable[..., None], settings: Any) -> Aws:
    """The same, and our files are kept there, too."""
    change_settings(storage="s3")
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "videos.s3.LibraryBucket"}}
    list(set_up())
    return aws


@pytest.fixture
def use_model(change_settings: Callable[..., None], tmp_path: Path) -> Callable[..., Path]:
    """Set a small model as the descriptor "mine": use_model(seed=8, onnx_distance="l2")."""

    def use(seed: int = 7, **values: Any) -> Path:
        path = small_model(tmp_path / f"small-{seed}.onnx", seed=seed)
        plain = {"onnx_model": str(path), "onnx_name": "mine", "onnx_size": SIDE}
        change_settings(**(plain | values))
        return path

    return use


@pytest.fixture
def passing_indexes(transactional_db: None) -> Iterator[None]:
    """Indexes that the test makes for versions of a descriptor are gone after it, as rows are."""
    yield
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'idx_descriptor_mine%'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., None]:
    """Run the ffmpeg the product uses: ffmpeg("-f", "lavfi", …, path)."""
    program = find_ffmpeg().path

    def run(*words: object) -> None:
        command = [program, "-v", "error", "-y", "-nostdin", *map(str, words)]
        subprocess.run(command, check=True, timeout=120)

    return run


@pytest.fixture(scope="session")
def film(ffmpeg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds, 320 by 180, 25 frames a second, hard cuts at 4 and 8 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    inputs = [word for scene in SCENES for word in ("-f", "lavfi", "-t", "4", "-i", scene)]
    graph = "".join(f"[{n}:v]setsar=1,format=yuv420p[s{n}];" for n in range(3))
    graph += "[s0][s1][s2]concat=n=3[out]"
    ffmpeg(*inputs, "-filter_complex", graph, "-map", "[out]", "-c:v", "libx264", path)
    return path


@pytest.fixture(scope="session")
def excerpt(ffmpeg: Callable[..., None], film: Path) -> Path:
    """Seconds 3 to 9 of the film, smaller and worse."""
    path = film.with_name("excerpt.mp4")
    ffmpeg("-ss", "3", "-t", "6", "-i", film, "-vf", "scale=256:144", "-crf", "33", path)
    return path


@pytest.fixture(scope="session")
def stranger(ffmpeg: Callable[..., None], film: Path) -> Path:
    """Six seconds of something else."""
    path = film.with_name("stranger.mp4")
    scene = "cellauto=s=160x90:r=25:rule=30:seed=3:scroll=1,scale=320:180:flags=neighbor,boxblur=2"
    ffmpeg("-f", "lavfi", "-t", "6", "-i", scene, "-pix_fmt", "yuv420p", path)
    return path


@pytest.fixture(scope="session")
def clip(ffmpeg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, 160 by 90, 10 frames a second, playable from its start: quick to analyse."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    words = ("-pix_fmt", "yuv420p", "-g", "10", "-movflags", "faststart")
    ffmpeg("-f", "lavfi", "-t", "2", "-i", "testsrc2=s=160x90:r=10", *words, path)
    return path


@pytest.fixture
def video_row() -> Callable[..., Video]:
    """Make the row of a video without its file: video_row("a.mp4", state="ready")."""

    def make(filename: str = "a.mp4", **fields: Any) -> Video:
        number = uuid.uuid4()
        plain: dict[str, Any] = {
            "id": number,
            "filename": filename,
            "media_type": MediaType.VIDEO,
            "storage_key": f"videos/{number}.mp4",
            "mime": "video/mp4",
            "demuxer": "mov",
            "size_bytes": 1000,
            "sha256": "0" * 64,
            "duration": 60.0,
        }
        return Video.objects.create(**(plain | fields))

    return make


@pytest.fixture
def take_in() -> Callable[..., Video]:
    """Accept a file and analyse it here and now: take_in(path, owner=…)."""

    def take(path: Path, name: str | None = None, **fields: Any) -> Video:
        entrance = fields.pop("entrance", Upload.Entrance.SITE)
        accepted = accept(Arrival(path, name or path.name, entrance, **fields))
        analyse(accepted.analysis.pk)
        accepted.video.refresh_from_db()
        return accepted.video

    return take


@pytest.fixture
def fingerprinted_by() -> Callable[..., None]:
    """Leave the rows of videos as another engine would have: fingerprinted_by("1", video)."""

    def leave(version: str, *videos: Video) -> None:
        for model in (Fingerprint, FeatureVector, CutToken):
            model.objects.filter(video__in=videos).update(version=version)
        DuplicateLink.objects.filter(query__in=videos).update(version=version)

    return leave


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real videos, or a skip that says why."""
    named = os.environ.get("TVIDZ_CORPUS")
    if not named or not (Path(named) / "dev" / "gt.json").exists():
        pytest.skip("TVIDZ_CORPUS names no folder with dev/gt.json: real videos are left out")
    return Path(named)


T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str, seconds: float = 30) -> T:
    """Ask again and again until the answer is true; fail, naming what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:.0f} s in vain for {what}")


@dataclass
class Site:
    """A running `manage.py run` with a var folder of its own."""

    url: str
    var: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    output: Path

    def upload(self, path: Path, name: str | None = None) -> dict[str, Any]:
        """Send a file as a client of the API does; the accepted video with its secret."""
        answer = self.send(path, name)
        assert answer.status_code == 201, answer.text
        accepted: dict[str, Any] = answer.json()
        return accepted

    def send(self, path: Path, name: str | None = None) -> httpx.Response:
        """The same, whatever the answer is."""
        with path.open("rb") as file:
            files = {"file": (name or path.name, file)}
            return httpx.post(f"{self.url}/api/v1/videos/", files=files, timeout=60)

    def video(self, video_id: str) -> dict[str, Any]:
        """A video as the API shows it to everybody."""
        answer = httpx.get(f"{self.url}/api/v1/videos/{video_id}/", timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def finished(self, video_id: str, seconds: float = 90) -> dict[str, Any]:
        """Wait for the final state and return the video."""

        def final() -> dict[str, Any] | None:
            found = self.video(video_id)
            return found if found["state"] not in ("queued", "processing") else None

        return wait_for(final, f"video {video_id} to be finished", seconds)

    def finished_row(self, video_id: str) -> str:
        """The same for a video that only its uploader may see; the final state."""
        ask = "SELECT state FROM videos_video WHERE id = %s AND state NOT IN (%s, %s)"

        def final() -> str | None:
            found = self.rows(ask, video_id, "queued", "processing")
            return str(found[0][0]) if found else None

        return wait_for(final, f"video {video_id} to be finished", 90)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the site's own database, as an onlooker who keeps nothing running."""
        with self.line() as line:
            found = line.execute(statement.encode(), values)
            return found.fetchall() if found.description else []

    def line(self) -> psycopg.Connection[Any]:
        """A connection to the same that stays, for who asks often."""
        host = str(find_place(self.var).socket)
        return psycopg.connect(host=host, port=PORT, user=ROLE, dbname=DATABASE, autocommit=True)

    def child(self, words: str) -> int:
        """The process id of the one the supervisor runs with these words in its command."""

        def look() -> int | None:
            children = [each for each in below(self.process.pid) if words in each.command()]
            leaders = [each.pid for each in children if each.pid == each.session]
            return leaders[0] if leaders else None

        return wait_for(look, f"the site to run {words}")

    @contextmanager
    def workers_paused(self) -> Iterator[None]:
        """Nothing is analysed meanwhile: who wants to see the beginning can get ready."""
        cluster = self.child("qcluster")
        os.killpg(cluster, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(cluster, signal.SIGCONT)

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A management command against the site's own database and files."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )


def start_site(folder: Path, **environment: str) -> Site:
    """Start the site as `make run` does and wait until it answers.

    `{port}` in a value becomes the site's.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    var = folder / "var"
    lay_out(var)
    output = folder / "output.txt"
    told = {name: value.replace("{port}", str(port)) for name, value in environment.items()}
    full = {**os.environ, "TVIDZ_VAR": str(var), "PYTHONUNBUFFERED": "1", **told}
    full.pop("DATABASE_URL", None)
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", str(port)],
            cwd=PROJECT,
            env=full,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    site = Site(f"http://127.0.0.1:{port}", var, process, full, output)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{site.url}/healthz", timeout=2).status_code == 200:
                return site
        except httpx.HTTPError:
            time.sleep(0.1)
    stop_site(site)
    pytest.fail(f"the site did not start:\n{output.read_text()[-4000:]}")


def stop_site(site: Site) -> None:
    """Ctrl-C, and wait until everything is gone."""
    if site.process.poll() is None:
        site.process.terminate()
        site.process.wait(30)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """One running site for all tests of a worker that look at it from outside."""
    with open_folder() as folder:
        running = start_site(folder, TVIDZ_DEFAULT_VISIBILITY="public")
        yield running
        stop_site(running)


@pytest.fixture(scope="session")
def rough_site() -> Iterator[Site]:
    """Another one, on which processes are killed: it gives up on the dead sooner."""
    with open_folder() as folder:
        running = start_site(
            folder,
            TVIDZ_DEFAULT_VISIBILITY="public",
            TVIDZ_LEASE_SECONDS="5",
            TVIDZ_RECONCILE_SECONDS="1",
        )
        yield running
        stop_site(running)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A passing folder with a short path that others may enter.

    The path of the database's socket may not be long, and for root the server runs as a user who
    cannot enter pytest's own folders.
    """
    with tempfile.TemporaryDirectory(prefix="tvidz-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to drive, or a skip that says why."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no chromium on this machine: install Debian's package chromium")


@pytest.fixture(scope="session")
def clamd_program() -> str:
    """The path of the virus scanner's daemon, or a skip that says why."""
    for folder in (None, "/usr/sbin", "/usr/local/sbin"):
        if path := shutil.which("clamd", path=folder):
            return path
    pytest.skip("no clamd on this machine: install Debian's package clamav-daemon")


@pytest.fixture(scope="session")
def clamd(clamd_program: str) -> Iterator[Clamd]:
    """A running clamd that knows EICAR and nothing else."""
    with open_folder() as folder, running_clamd(clamd_program, folder) as daemon:
        yield daemon
