"""A running site with S3 beside it: from a signed address to the duplicate, and a kill."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.aws import Aws, running
from tests.conftest import Site, open_folder, start_site, stop_site, wait_for
from tests.processes import kill
from tvidz.postgres.configuration import DATABASE, ROLE
from tvidz.postgres.place import PORT, find_place
from videos.s3 import s3

pytestmark = pytest.mark.xdist_group("s3 site")

BEGIN = "/api/v1/direct-uploads/"
RECEIVED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"


@pytest.fixture(scope="module")
def s3_site() -> Iterator[tuple[Site, Aws]]:
    """A site whose files come through S3 and are kept there; it makes its buckets itself."""
    with open_folder() as folder, running(folder) as aws:
        site = start_site(
            folder,
            **aws.environment,
            TVIDZ_STORAGE="s3",
            TVIDZ_S3_VISIBILITY_SECONDS="10",
            TVIDZ_S3_PART_MB="5",
            TVIDZ_S3_ORIGINS="http://127.0.0.1:{port}",
            TVIDZ_DEFAULT_VISIBILITY="public",
        )
        try:
            yield site, aws
        finally:
            stop_site(site)


@pytest.fixture
def site_and_aws(s3_site: tuple[Site, Aws], change_settings: Any) -> tuple[Site, Aws]:
    """The same, and this process speaks with the same S3."""
    site, aws = s3_site
    change_settings(
        s3_endpoint=aws.url,
        s3_access_key=aws.environment["TVIDZ_S3_ACCESS_KEY"],
        s3_secret_key=aws.environment["TVIDZ_S3_SECRET_KEY"],
    )
    wait_for(lambda: "tvidz-library" in aws.buckets(), "the site to make its buckets", 60)
    wait_for(lambda: aws.notifies("videos"), "the bucket to tell of its objects", 60)
    return site, aws


def sent_directly(site: Site, path: Path) -> str:
    """Put a file into the bucket as a browser does; the id of its video."""
    told = httpx.post(
        f"{site.url}{BEGIN}", json={"name": path.name, "size": path.stat().st_size}, timeout=30
    ).json()
    form = told["form"]
    with path.open("rb") as file:
        sent = httpx.post(form["url"], data=form["fields"], files={"file": file}, timeout=60)
    assert sent.status_code in (200, 201, 204)
    return str(told["video_id"])


def test_a_copy_sent_to_the_bucket_is_linked_to_the_original_that_was_dropped_there(
    site_and_aws: tuple[Site, Aws], film: Path, excerpt: Path
) -> None:
    site, aws = site_and_aws
    aws.put("partner/our film+final.mp4", film.read_bytes())
    asked = "SELECT id FROM videos_video WHERE filename = 'our film+final.mp4'"
    [[original]] = wait_for(lambda: site.rows(asked), "the dropped film to come in", 60)
    assert site.finished(str(original))["state"] == "ready"

    # Nobody says that all is sent: the bucket's event is enough.
    copy = sent_directly(site, excerpt)

    seen = "SELECT 1 FROM videos_video WHERE id = %s"
    wait_for(lambda: site.rows(seen, copy), "the copy to come in", 60)
    assert site.finished(copy)["state"] == "ready"
    [duplicate] = httpx.get(f"{site.url}/api/v1/videos/{copy}/").json()["duplicates"]
    assert duplicate["video"]["id"] == str(original)
    [segment] = duplicate["segments"]
    assert (segment["start"], segment["end"]) == pytest.approx((0, 6), abs=0.6)
    assert (segment["other_start"], segment["other_end"]) == pytest.approx((3, 9), abs=0.6)
    # Files are kept in the other bucket; the browser's object is gone, the partner's is not.
    stored = aws.keys("tvidz-library")
    assert {key.partition("/")[0] for key in stored} == {"pictures", "thumbnails", "videos"}
    assert aws.keys() == ["partner/our film+final.mp4"]
    assert not (site.var / "files").exists() or not list((site.var / "files").rglob("*.mp4"))
    wait_for(lambda: aws.waiting() == 0, "all messages to be done with")


@pytest.fixture
def page(chromium: str, site_and_aws: tuple[Site, Aws]) -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page()
        opened.set_default_timeout(60_000)
        opened.goto(site_and_aws[0].url)
        yield opened
        browser.close()


def test_the_upload_page_sends_a_small_file_to_the_bucket(
    site_and_aws: tuple[Site, Aws], clip: Path, page: Page
) -> None:
    asked = ask_for(page)
    page.set_input_files("#file", clip)

    page.locator("[data-role=job-card][data-final=true]").wait_for()
    assert any(url.endswith("/videos") for url in asked)
    assert not any("/api/v1/uploads" in url for url in asked)


def test_the_upload_page_goes_on_with_a_large_one_after_a_reload(
    site_and_aws: tuple[Site, Aws], clip: Path, page: Page, tmp_path: Path
) -> None:
    site, aws = site_and_aws
    large = tmp_path / "large.mp4"
    large.write_bytes(padded(clip.read_bytes(), 17 << 20))
    network = page.context.new_cdp_session(page)
    slowly = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2 << 20}
    network.send("Network.emulateNetworkConditions", slowly)
    page.set_input_files("#file", large)
    wait_for(lambda: aws.parts_there("videos"), "a part to arrive", 60)

    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.get_by_text("Choose the same file again").wait_for()
    network.send("Network.emulateNetworkConditions", slowly | {"uploadThroughput": -1})
    asked = ask_for(page)
    page.set_input_files("#file", large)

    page.locator("[data-role=job-card][data-final=true]").wait_for()
    assert 1 <= sum("partNumber" in url for url in asked) <= 3
    stored = "SELECT size_bytes FROM videos_video WHERE filename = 'large.mp4' AND state = 'ready'"
    assert site.rows(stored) == [(17 << 20,)]
    assert page.locator("[data-role=unfinished]").count() == 0


def ask_for(page: Page) -> list[str]:
    """Addresses that the page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def padded(content: bytes, length: int) -> bytes:
    """An MP4 made longer by a box that players pass over."""
    free = length - len(content)
    return content + free.to_bytes(4, "big") + b"free" + bytes(free - 8)


def test_a_message_comes_again_when_its_taker_is_killed_before_it_was_done(
    site_and_aws: tuple[Site, Aws], stranger: Path
) -> None:
    site, aws = site_and_aws
    poller = site.child("s3_events")
    place = str(find_place(site.var).socket)
    with psycopg.connect(host=place, port=PORT, user=ROLE, dbname=DATABASE) as held:
        # Whoever takes the object in stops just before the row that would tell of it.
        held.execute("LOCK TABLE videos_upload IN EXCLUSIVE MODE")
        aws.put("killed/stranger.mp4", stranger.read_bytes())
        wait_for(lambda: site.rows(RECEIVED) == [(1,)], "the taker to be on its way", 60)
        assert aws.waiting() == 1
        kill(poller)
        held.rollback()

    asked = "SELECT id FROM videos_video WHERE filename = 'stranger.mp4'"
    found = wait_for(lambda: site.rows(asked), "the message to come again", 60)
    assert len(found) == 1
    assert site.finished(str(found[0][0]))["state"] == "ready"
    wait_for(lambda: aws.waiting() == 0, "the message to be done with")
    assert len(site.rows(asked)) == 1
    assert site.child("s3_events") != poller
    left = [key for key in aws.keys("tvidz-library") if key.startswith("videos/")]
    kept = {row[0] for row in site.rows("SELECT storage_key FROM videos_video")}
    assert kept <= set(left)
    assert s3().head_object(Bucket="videos", Key="killed/stranger.mp4")
