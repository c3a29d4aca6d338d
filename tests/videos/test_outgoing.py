"""HTTP to addresses that somebody else chose, with a real server and whatever it may do."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.web_server import LOOPBACK, Web, serving
from videos import outgoing
from videos.outgoing import AddressRefused, Limits, OutgoingError, TooManyBytes, Unreachable

LIMITS = Limits(most_bytes=1 << 20, total_seconds=20)
ALL_PORTS = ("1-65535",)
PUBLIC = "93.184.215.14"


@pytest.fixture
def inside(change_settings: Callable[..., None]) -> None:
    """The server on loopback may be reached, and nothing else that is not public."""
    change_settings(outgoing_allow=(f"{LOOPBACK}/32",), outgoing_ports=ALL_PORTS)


@pytest.fixture
def web(inside: None) -> Iterator[Web]:
    with serving() as server:
        yield server


def body(url: str, limits: Limits = LIMITS, **seam: outgoing.Resolve) -> bytes:
    with outgoing.get(url, limits, **seam) as answer:
        return b"".join(answer.blocks)


def status(url: str) -> int:
    with outgoing.get(url, LIMITS) as answer:
        return answer.status


class Names:
    """A resolver that gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_file_is_fetched_with_its_headers(web: Web) -> None:
    url = web.page("/clip.mp4", b"film", Content_Type="video/mp4")

    with outgoing.get(url, LIMITS) as answer:
        assert (answer.status, answer.length, answer.url) == (200, 4, url)
        assert answer.headers["content-type"] == "video/mp4"
        assert b"".join(answer.blocks) == b"film"


def test_nothing_of_us_is_told_but_a_name(web: Web) -> None:
    told = json.loads(body(web.url("/echo?a=b%20c")))

    assert told == {
        "host": f"{LOOPBACK}:{web.port}",
        "user-agent": "tvidz",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }
    assert web.paths() == ["/echo?a=b%20c"]


def test_letters_of_other_scripts_are_escaped_and_what_is_escaped_stays(web: Web) -> None:
    web.page("/Füchse/a b.mp4", b"film")

    assert body(web.url("/Füchse/a%20b.mp4")) == b"film"


def test_a_proxy_in_the_environment_is_not_used(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")

    assert body(web.page("/a", b"film")) == b"film"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.mp4",
        "gopher://example.org/",
        "unix:///run/docker.sock",
        "data:video/mp4,x",
        "//example.org/a.mp4",
        "example.org/a.mp4",
        "http:/example.org",
        "http://",
        "http:///a.mp4",
        "http://alice@example.org/",
        "http://alice:secret@example.org/",
        "http://:@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://example.org:0/",
        "http://example.org:65536/",
        "http://example.org:eighty/",
        "http://example.org/a b",
        "http://exam\tple.org/",
        "http://example.org/\r\nHost: inside",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://exa<mple.org/",
        f"http://{'a' * 64}.org/",
        f"http://example.org/{'a' * 5000}",
        "",
    ],
)
def test_what_is_no_plain_web_address_is_refused_before_anybody_is_asked(url: str) -> None:
    names = Names([PUBLIC])

    with pytest.raises(AddressRefused):
        body(url, resolve=names)

    assert names.asked == []


@pytest.mark.parametrize("port", [22, 25, 3306, 5432, 6379, 7999, 9000, 11211])
def test_only_ports_of_the_web_are_gone_to(port: int) -> None:
    with pytest.raises(AddressRefused, match="OUTGOING_PORTS"):
        outgoing.read_url(f"http://example.org:{port}/")


@pytest.mark.parametrize("url", ["http://example.org/", "https://example.org:8443/a?b"])
def test_ports_of_the_web_are(url: str) -> None:
    assert outgoing.read_url(url).url == url


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
        *("[64:ff9b::127.0.0.1]", "[2002:7f00:1::1]", "[fe80::1]", "[fd00:ec2::254]"),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
        *("224.0.0.1", "255.255.255.255", "0.0.0.0"),
    ],
)
def test_without_permission_no_address_inside_is_reached_in_whatever_form(
    host: str, change_settings: Callable[..., None]
) -> None:
    change_settings(outgoing_ports=ALL_PORTS)
    with serving() as web, pytest.raises(AddressRefused):
        body(web.url("/", host))

    assert web.asked == []


def test_one_bad_address_among_good_ones_is_enough_to_refuse(web: Web) -> None:
    for answer in ([LOOPBACK, "10.0.0.1"], ["10.0.0.1", LOOPBACK], [LOOPBACK, "::1"]):
        with pytest.raises(AddressRefused):
            body(web.url("/", "films.example"), resolve=Names(answer))

    assert web.asked == []


def test_the_connection_goes_to_the_address_that_was_judged_and_the_name_stays(web: Web) -> None:
    web.page("/a", b"film")
    names = Names([LOOPBACK], ["10.0.0.1"])

    assert body(web.url("/a", "films.example"), resolve=names) == b"film"

    # A second question could have got another answer.
    assert names.asked == ["films.example"]
    assert web.asked == [("/a", f"films.example:{web.port}")]


def test_a_name_that_turns_private_between_two_connections_is_refused_at_the_second(
    web: Web,
) -> None:
    web.redirect("/a", "/b")
    web.page("/b", b"film")
    names = Names([LOOPBACK], ["127.0.0.2"])

    with pytest.raises(AddressRefused):
        body(web.url("/a", "films.example"), resolve=names)

    assert web.paths() == ["/a"]


@pytest.mark.parametrize(
    "to",
    [
        "http://10.0.0.1/",
        "http://127.0.0.2/",
        "http://[::ffff:169.254.169.254]/latest/meta-data/",
        "//192.168.0.1/",
        "file:///etc/passwd",
        "http://alice:secret@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://[::1",
    ],
)
def test_a_redirect_to_where_we_do_not_go_is_refused(to: str, web: Web) -> None:
    with pytest.raises(AddressRefused):
        body(web.redirect("/a", to))

    assert web.paths() == ["/a"]


def test_a_redirect_to_a_private_address_by_name_is_refused(web: Web) -> None:
    web.redirect("/a", web.url("/b", "inside.example"))

    with pytest.raises(AddressRefused):
        body(web.url("/a", "films.example"), resolve=Names([LOOPBACK], ["192.168.0.1"]))


@pytest.mark.parametrize("kind", outgoing.REDIRECTS)
def test_redirects_of_every_kind_are_followed_also_relative_ones(kind: int, web: Web) -> None:
    web.redirect("/films/a", "../b?c=d", kind)
    web.redirect("/b", web.url("/c"), kind)
    web.page("/c", b"film")

    with outgoing.get(web.url("/films/a"), LIMITS) as answer:
        assert answer.url == web.url("/c")
        assert b"".join(answer.blocks) == b"film"
    assert web.paths() == ["/films/a", "/b?c=d", "/c"]


def test_five_redirects_are_followed_and_no_sixth(web: Web) -> None:
    for number in range(6):
        web.redirect(f"/{number}", f"/{number + 1}")
    web.page("/6", b"film")

    assert status(web.url("/1")) == 200
    assert status(web.url("/0")) == 302
    assert web.paths()[-1] == "/5"


def test_a_loop_of_redirects_ends(web: Web) -> None:
    assert status(web.url("/loop")) == 302
    assert len(web.asked) == outgoing.MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    ("path", "limits"),
    [
        ("/silence", Limits(1 << 20, 20, silence_seconds=0.3)),
        ("/silence", Limits(1 << 20, 0.5)),
        ("/drip", Limits(1 << 20, 0.5)),
        ("/slow-headers", Limits(1 << 20, 0.5)),
    ],
)
def test_a_server_that_takes_its_time_gets_no_more_than_it_was_given(
    path: str, limits: Limits, web: Web
) -> None:
    began = time.monotonic()

    with pytest.raises(Unreachable):
        body(web.url(path), limits)

    assert time.monotonic() - began < 3


def test_redirects_do_not_add_time(web: Web) -> None:
    web.redirect("/a", "/drip")
    began = time.monotonic()

    with pytest.raises(Unreachable):
        body(web.url("/a"), Limits(1 << 20, 0.5))

    assert time.monotonic() - began < 3


def test_a_length_above_the_limit_is_refused_before_a_byte_is_read(web: Web) -> None:
    url = web.page("/a", b"", Content_Length=str(LIMITS.most_bytes + 1))

    with pytest.raises(TooManyBytes), outgoing.get(url, LIMITS):
        pytest.fail("it was let through")


def test_a_body_without_end_is_cut_off_at_the_limit(web: Web) -> None:
    came: list[int] = []

    with pytest.raises(TooManyBytes), outgoing.get(web.url("/endless"), LIMITS) as answer:
        came.extend(map(len, answer.blocks))

    assert 0 < sum(came) <= LIMITS.most_bytes


def test_exactly_as_much_as_is_allowed_may_come(web: Web) -> None:
    url = web.page("/a", b"x" * LIMITS.most_bytes)

    assert len(body(url)) == LIMITS.most_bytes


@pytest.mark.parametrize("path", ["/cut", "/garbage", "/endless-headers"])
def test_an_answer_that_breaks_off_or_is_no_http_is_no_answer(path: str, web: Web) -> None:
    with pytest.raises(Unreachable):
        body(web.url(path))


def test_where_nobody_listens_nothing_is_reached(inside: None) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        with pytest.raises(Unreachable):
            body(f"http://{LOOPBACK}:{taken.getsockname()[1]}/")


def test_the_next_address_is_tried_where_one_does_not_answer(
    web: Web, change_settings: Callable[..., None]
) -> None:
    change_settings(outgoing_allow=("127.0.0.0/8",))
    web.page("/a", b"film")

    # The server listens at the second one only.
    assert body(web.url("/a", "films.example"), resolve=Names(["127.0.0.2", LOOPBACK])) == b"film"


def test_a_name_that_does_not_exist_is_told_as_one_inside_is(inside: None) -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(AddressRefused):
        body("http://films.example/", resolve=unknown)


def test_name_servers_that_are_away_may_be_back_later(inside: None) -> None:
    def away(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(Unreachable):
        body("http://films.example/", resolve=away)


def test_over_ipv6_the_same_holds(change_settings: Callable[..., None]) -> None:
    try:
        server = serving_on_ipv6()
    except OSError:
        pytest.skip("no IPv6 on this machine's loopback")
    with server as port:
        change_settings(outgoing_ports=ALL_PORTS)
        with pytest.raises(AddressRefused):
            body(f"http://[::1]:{port}/")
        change_settings(outgoing_allow=("::1/128",))
        assert body(f"http://[::1]:{port}/") == f"[::1]:{port}".encode()


def serving_on_ipv6() -> contextlib.AbstractContextManager[int]:
    """Answers one request after the other with the Host it was asked for."""
    server = socket.create_server(("::1", 0), family=socket.AF_INET6)

    def answer() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                asked = connection.recv(10_000).decode()
                host = asked.partition("Host: ")[2].partition("\r\n")[0]
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(host)}\r\n\r\n{host}"
                connection.sendall(head.encode())

    @contextlib.contextmanager
    def running() -> Iterator[int]:
        threading.Thread(target=answer, daemon=True).start()
        with server:
            yield server.getsockname()[1]
            server.shutdown(socket.SHUT_RDWR)

    return running()


def test_post_sends_its_bytes_and_follows_no_redirect(web: Web) -> None:
    url = web.redirect("/hook", "/elsewhere", 307)

    with outgoing.post(url, b'{"a": 1}', {"X-Signature": "s"}, LIMITS) as answer:
        assert answer.status == 307

    assert web.paths() == ['POST /hook {"a": 1}']


def test_post_goes_to_no_address_inside(change_settings: Callable[..., None]) -> None:
    change_settings(outgoing_ports=ALL_PORTS)
    with (
        serving() as web,
        pytest.raises(AddressRefused),
        outgoing.post(web.url("/hook"), b"x", {}, LIMITS),
    ):
        pytest.fail("it was let through")

    assert web.asked == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for films.example, signed by itself, with its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl on this machine to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "films.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-batch"]
    words += ["-subj", "/CN=films.example", "-addext", "subjectAltName=DNS:films.example"]
    words += ["-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run([program, *words], check=True, capture_output=True, timeout=60)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@pytest.fixture
def secure_web(inside: None, certificate: Path) -> Iterator[Web]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(context) as server:
        server.page("/a", b"film")
        yield server


def test_over_tls_the_certificate_must_be_the_names_and_the_name_is_what_was_asked_for(
    secure_web: Web, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    names = Names([LOOPBACK])

    url = secure_web.url("/a", "films.example", "https")
    assert body(url, resolve=names) == b"film"
    assert secure_web.server_names == ["films.example"]
    assert secure_web.asked == [("/a", f"films.example:{secure_web.port}")]
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        body(secure_web.url("/a", "others.example", "https"), resolve=names)


def test_a_certificate_that_nobody_vouches_for_is_no_certificate(secure_web: Web) -> None:
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        body(secure_web.url("/a", "films.example", "https"), resolve=Names([LOOPBACK]))

    assert secure_web.asked == []


def test_every_error_is_one_of_outgoing() -> None:
    for error in (AddressRefused, Unreachable, TooManyBytes):
        assert issubclass(error, OutgoingError)


def test_connections_do_not_pile_up(web: Web) -> None:
    web.page("/a", b"film")
    web.redirect("/b", "/a")
    body(web.url("/b"))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    for _ in range(20):
        body(web.url("/b"))
        with pytest.raises(TooManyBytes):
            body(web.url("/a"), Limits(1, 5))

    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 5
