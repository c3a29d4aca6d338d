import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tests.videos.media.conftest import Canary, MakeClip
from videos.media.ffmpeg import Ffmpeg
from videos.media.limits import Limits
from videos.media.sandbox import SandboxReport, capabilities, kill_group, spawn

PYTHON = str(Path(sys.executable).resolve())
LIBRARY = [Path(sysconfig.get_paths()["stdlib"]), *(Path(sys.base_prefix) / "lib").glob("libpy*")]

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the locks are Linux's")
needs_landlock = pytest.mark.skipif(
    capabilities().landlock_abi == 0, reason="this kernel has no Landlock"
)
needs_seccomp = pytest.mark.skipif(not capabilities().seccomp, reason="no seccomp here")


def run_inside(code: str, *, readable: list[Path] = [], limits: Limits | None = None) -> str:  # noqa: B006
    """Run Python code in the sandbox: what it printed, or its last line of complaint."""
    child = spawn(
        [PYTHON, "-I", "-S", "-c", code],
        readable=[*LIBRARY, *readable],
        limits=limits or Limits(cpu_seconds=20),
    )
    output, errors = child.communicate(timeout=30)
    kill_group(child)
    return (output or errors.strip().split(b"\n")[-1]).decode().strip()


def gone(pid: int) -> bool:
    """Whether the process is dead, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def within(seconds: float, pid: int) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if gone(pid):
            return True
        time.sleep(0.02)
    return gone(pid)


def test_the_report_says_which_locks_there_are() -> None:
    report = capabilities()
    assert isinstance(report, SandboxReport)
    assert report.limits
    if sys.platform == "linux":
        assert report.parent_death


@needs_landlock
def test_the_named_file_can_be_read_and_its_neighbour_cannot(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.write_text("mine")
    other.write_text("other")
    assert run_inside(f"print(open({str(mine)!r}).read())", readable=[mine]) == "mine"
    answer = run_inside(f"print(open({str(other)!r}).read())", readable=[mine])
    assert answer.startswith("PermissionError")


@needs_landlock
@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd').read()",
        "open('/proc/self/environ').read()",
        "__import__('os').listdir('/')",
        "open('/tmp/written', 'w')",
        "__import__('os').mkdir('/tmp/made')",
    ],
)
def test_nothing_else_can_be_read_or_written(attempt: str) -> None:
    assert run_inside(f"print({attempt})").startswith("PermissionError")


@needs_landlock
def test_the_named_file_cannot_be_written(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    run_inside(f"open({str(mine)!r}, 'w').write('changed')", readable=[mine])
    assert mine.read_text() == "mine"


@needs_seccomp
def test_no_socket_can_be_opened(canary: Canary) -> None:
    code = "import _socket; _socket.socket()"
    assert run_inside(code).startswith("PermissionError")
    assert canary.calls == 0


@needs_seccomp
@pytest.mark.parametrize(
    "attempt",
    [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv(sys.executable, ['python', '-c', 'print(1)'])",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.unshare(os.CLONE_NEWUSER) if hasattr(os, 'unshare') else os.fork()",
    ],
)
def test_no_other_program_can_be_started_or_reached(attempt: str) -> None:
    answer = run_inside(f"import os, sys; print({attempt})")
    assert answer.startswith(("PermissionError", "FileNotFoundError")), answer


def test_threads_work() -> None:
    code = (
        "import _thread, time; done = []\n"
        "[_thread.start_new_thread(lambda: done.append(1), ()) for _ in range(4)]\n"
        "time.sleep(0.3); print(len(done))"
    )
    assert run_inside(code) == "4"


def test_memory_is_limited() -> None:
    code = "print(len(bytearray(2_000_000_000)))"
    assert run_inside(code, limits=Limits(memory_bytes=500 << 20)) == "MemoryError"


def test_processor_time_is_limited_and_told() -> None:
    child = spawn(
        [PYTHON, "-I", "-S", "-c", "while True: pass"],
        readable=LIBRARY,
        limits=Limits(cpu_seconds=1),
    )
    assert within(20, child.pid)
    usage = kill_group(child)
    assert usage.returncode == -signal.SIGXCPU
    assert usage.ran_out(1)


def test_the_environment_of_the_worker_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVIDZ_SECRET_KEY", "alice's secret")
    assert "TVIDZ" not in run_inside("import os; print(dict(os.environ))")


def test_a_stopped_child_is_killed_with_its_group() -> None:
    child = spawn(
        [PYTHON, "-I", "-S", "-c", "import time; time.sleep(60)"], readable=LIBRARY, limits=Limits()
    )
    os.kill(child.pid, signal.SIGSTOP)
    assert kill_group(child).returncode == -signal.SIGKILL
    assert gone(child.pid)


def test_a_program_that_does_not_exist_ends_with_a_status_of_its_own() -> None:
    child = spawn(["/nonexistent/ffmpeg"], readable=(), limits=Limits())
    child.communicate(timeout=20)
    assert kill_group(child).returncode == 127


@linux_only
def test_the_child_is_gone_within_a_second_after_its_parent_was_killed(
    make_clip: MakeClip, each_ffmpeg: Ffmpeg
) -> None:
    words = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=60", "-c:v", "mpeg4")
    clip = make_clip("minute.mp4", *words)
    code = f"""
import sys, time
from pathlib import Path
from videos.media.containers import MP4
from videos.media.decode import Decoding
from videos.media.ffmpeg import find_ffmpeg
from videos.media.limits import Limits
from videos.media.probe import probe
path = Path({str(clip)!r})
with Decoding(path, probe(path, MP4, Limits()), ffmpeg=find_ffmpeg({each_ffmpeg.path!r})) as it:
    for frames in it:
        print(it.pid, flush=True)
        time.sleep(60)
"""
    root = str(Path(__file__).parents[3])
    worker = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    )
    assert worker.stdout is not None
    pid = int(worker.stdout.readline())
    assert not gone(pid)
    worker.kill()
    worker.communicate()
    assert within(1.0, pid)


@needs_landlock
def test_a_list_of_files_read_by_ffmpeg_itself_opens_none_of_them(
    each_ffmpeg: Ffmpeg, good_clip: Path, tmp_path: Path
) -> None:
    """The last line of defence alone: every option that would stop it is left out."""
    names = tmp_path / "list"
    names.write_text(f"ffconcat version 1.0\nfile '{good_clip}'\n")
    words = [
        each_ffmpeg.path, "-nostdin", "-v", "error", "-f", "concat", "-safe", "0", "-i", str(names),
        "-frames:v", "1", "-f", "rawvideo", "pipe:1",
    ]  # fmt: skip
    outside = subprocess.run(words, capture_output=True, timeout=30)
    assert len(outside.stdout) > 1000  # the attack itself works
    child = spawn(words, readable=[names], limits=Limits())
    inside, _ = child.communicate(timeout=30)
    kill_group(child)
    assert inside == b""


@needs_seccomp
def test_an_address_given_to_ffmpeg_itself_is_never_called(
    each_ffmpeg: Ffmpeg, canary: Canary
) -> None:
    words = [each_ffmpeg.path, "-nostdin", "-i", f"http://{canary.address}/a.ts", "-f", "null", "-"]
    subprocess.run(words, capture_output=True, timeout=30)
    assert canary.calls > 0  # the attack itself works
    before = canary.calls
    child = spawn(words, readable=(), limits=Limits())
    child.communicate(timeout=30)
    kill_group(child)
    assert canary.calls == before
