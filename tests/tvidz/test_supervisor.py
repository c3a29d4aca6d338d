"""`manage.py run`, with its processes killed one after another."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.db import IntegrityError, OperationalError

from tests.conftest import PROJECT, Site, open_folder, start_site, stop_site, wait_for
from tests.processes import below, kill, of_session, processes
from tvidz.supervisor import Supervisor, _each


def answers(site: Site) -> bool:
    try:
        return httpx.get(f"{site.url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.xdist_group("rough")
def test_a_killed_web_server_comes_back(rough_site: Site) -> None:
    assert answers(rough_site)
    killed = rough_site.child("tvidz.asgi")
    kill(killed)
    wait_for(lambda: not answers(rough_site), "the web server to be gone")
    wait_for(lambda: answers(rough_site), "the web server to come back")
    assert rough_site.child("tvidz.asgi") != killed


@pytest.mark.xdist_group("rough")
def test_a_killed_worker_cluster_leaves_no_orphans_and_comes_back(
    rough_site: Site, stranger: Path
) -> None:
    killed = rough_site.child("qcluster")
    wait_for(lambda: len(of_session(killed)) >= 4, "the workers to be up")
    kill(killed)
    wait_for(lambda: not of_session(killed), "the orphans to be gone", 5)
    assert rough_site.child("qcluster") != killed
    video_id = rough_site.upload(stranger)["id"]
    assert rough_site.finished(video_id)["state"] == "ready"


def run_on(port: int, var: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "run", "--port", str(port)],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", "TVIDZ_VAR": str(var)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.xdist_group("rough")
def test_a_taken_port_is_told_in_a_sentence(rough_site: Site, tmp_path: Path) -> None:
    port = int(rough_site.url.rpartition(":")[2])
    refused = run_on(port, tmp_path / "var")
    assert refused.returncode == 1
    assert f"Port {port} is taken" in refused.stderr
    assert f"PORT={port + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "var" / "postgres").exists()


def test_stopping_leaves_no_process_and_the_first_password_is_shown_once(stranger: Path) -> None:
    with open_folder() as folder:
        site = start_site(folder, TVIDZ_DEFAULT_VISIBILITY="public")
        sessions = {site.child("tvidz.asgi"), site.child("qcluster")}
        wait_for(lambda: len(of_session(site.child("qcluster"))) >= 4, "the workers to be up")
        ours = {process.pid for process in below(site.process.pid)} | {site.process.pid}
        site.finished(site.upload(stranger)["id"])
        stop_site(site)
        assert site.process.returncode == 0
        left = [each for each in processes() if each.pid in ours or each.session in sessions]
        assert left == []
        assert not [each for each in processes() if str(folder) in each.command()]
        assert len(re.findall(r"First admin: admin / \S+", site.output.read_text())) == 1

        again = site.manage("first_admin")
        assert (again.returncode, again.stdout) == (0, "")


def test_workers_are_replaced_only_when_they_look_stalled_for_long() -> None:
    supervisor = Supervisor([], watches_workers=True)
    looks = [(0.0, True), (10.0, True), (20.0, False), (30.0, True), (70.0, True), (80.0, True)]

    verdicts = [supervisor._dead(stalled, now) for now, stalled in looks]

    assert verdicts == [False, False, False, False, False, True]
    assert not supervisor._dead(True, 90.0)


def test_a_look_that_fails_each_time_keeps_no_other_from_its_own() -> None:
    done: list[str] = []

    def fail() -> None:
        raise IntegrityError("one row that cannot be")

    def lose() -> None:
        raise OperationalError("the database went")

    _each(fail, lambda: done.append("look"))
    assert done == ["look"]

    with pytest.raises(OperationalError):
        _each(lose, lambda: done.append("another"))
    assert done == ["look"]
