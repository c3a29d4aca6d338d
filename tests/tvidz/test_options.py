"""Settings from the environment: what is accepted, and how the rest is refused."""

import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tvidz.options import Options, read_options, variable

SECRET = "0123456789" * 5


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TVIDZ_"):
            monkeypatch.delenv(name)


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as refused:
        read_options()
    return str(refused.value)


def test_without_any_variable_the_defaults_hold() -> None:
    options = read_options()

    assert (options.environment, options.debug) == ("development", False)
    assert options.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")
    assert (options.min_matches, options.similarity_threshold) == (3, 0.8)
    assert (options.cuts_to_propose, options.cuts_to_flag) == (3, 8)
    assert not options.stop_at_duplicate


def test_variables_change_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVIDZ_MIN_MATCHES", "5")
    monkeypatch.setenv("TVIDZ_STOP_AT_DUPLICATE", "true")
    monkeypatch.setenv("TVIDZ_ALLOWED_HOSTS", "tvidz.example, www.tvidz.example,")
    monkeypatch.setenv("TVIDZ_VAR", "/srv/tvidz")

    options = read_options()

    assert options.min_matches == 5
    assert options.stop_at_duplicate
    assert options.allowed_hosts == ("tvidz.example", "www.tvidz.example")
    assert options.var == Path("/srv/tvidz")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVIDZ_MIN_MATCHES", "")

    assert read_options().min_matches == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TVIDZ_MIN_MATCHES", "many"),
        ("TVIDZ_MIN_MATCHES", "0"),
        ("TVIDZ_SIMILARITY_THRESHOLD", "1.2"),
        ("TVIDZ_SCENE_THRESHOLD", "1"),
        ("TVIDZ_MAX_UPLOAD_MB", "-1"),
        ("TVIDZ_MAX_DURATION", "0"),
        ("TVIDZ_STOP_AT_DUPLICATE", "perhaps"),
        ("TVIDZ_ENVIRONMENT", "prod"),
        ("TVIDZ_LOG_LEVEL", "loud"),
        ("TVIDZ_DEFAULT_VISIBILITY", "hidden"),
        ("TVIDZ_FRAME_BATCH_SIZE", "0"),
        ("TVIDZ_MAX_INDEX_FRAMES", "1.5"),
        ("TVIDZ_ONNX_NAME", "My Model"),
        ("TVIDZ_ONNX_NAME", "hsv108"),
        ("TVIDZ_ONNX_MODEL", "/no/such/model.onnx"),
        ("TVIDZ_ONNX_SIZE", "4"),
        ("TVIDZ_ONNX_DISTANCE", "hamming"),
        ("TVIDZ_CLAMD", "clamd"),
        ("TVIDZ_CLAMD", "localhost:0"),
        ("TVIDZ_CLAMD", "localhost:65536"),
        ("TVIDZ_CLAMD", "run/clamd.ctl"),
        ("TVIDZ_CLAMD", "tcp://localhost:3310"),
        ("TVIDZ_CLAMD", "::1:3310"),
        ("TVIDZ_URL_IMPORTS_AT_ONCE", "0"),
    ],
)
def test_a_wrong_value_is_refused_naming_variable_and_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = refusal(monkeypatch, **{name: value})

    assert f"{name}={value!r}: " in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TVIDZ_ONNX_MEAN", "0.5"),
        ("TVIDZ_ONNX_MEAN", "0.5,0.5,grey"),
        ("TVIDZ_ONNX_MEAN", "0.5,0.5,nan"),
        ("TVIDZ_ONNX_STD", "0.2,0.2,0"),
        ("TVIDZ_ONNX_STD", "0.2,0.2,0.2,0.2"),
    ],
)
def test_a_wrong_list_of_numbers_is_refused_naming_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"{name}=" in refusal(monkeypatch, **{name: value})


def test_numbers_are_read_from_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVIDZ_ONNX_MEAN", "0.485, 0.456, 0.406")

    assert read_options().onnx_mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TVIDZ_OUTGOING_ALLOW", "inside.example"),
        ("TVIDZ_OUTGOING_ALLOW", "10.0.0.1/8"),
        ("TVIDZ_OUTGOING_PORTS", "http"),
        ("TVIDZ_OUTGOING_PORTS", "80,0"),
    ],
)
def test_a_wrong_list_of_networks_or_ports_is_refused_naming_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"{name}=" in refusal(monkeypatch, **{name: value})


@pytest.mark.parametrize(
    "address", ["localhost:3310", "10.0.0.7:3310", "[::1]:3310", "/run/clamav/clamd.ctl"]
)
def test_the_virus_scanner_is_named_by_host_and_port_or_by_path(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TVIDZ_CLAMD", address)

    assert read_options().clamd == address


def test_every_wrong_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(monkeypatch, TVIDZ_MIN_MATCHES="0", TVIDZ_WORKERS="none")

    assert "TVIDZ_MIN_MATCHES" in told
    assert "TVIDZ_WORKERS" in told


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"TVIDZ_INDEX_FRAME_INTERVAL": "0.1"}, "TVIDZ_DENSE_FRAME_INTERVAL"),
        ({"TVIDZ_CUTS_TO_FLAG": "3", "TVIDZ_CUTS_TO_PROPOSE": "4"}, "TVIDZ_CUTS_TO_PROPOSE"),
        ({"TVIDZ_FLAG_CONFIDENCE": "0.05"}, "TVIDZ_REPORT_CONFIDENCE"),
    ],
)
def test_values_that_contradict_each_other_are_refused(
    environment: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named in refusal(monkeypatch, **environment)


@pytest.mark.parametrize("secret", ["", "short"])
def test_production_demands_a_long_secret_and_does_not_repeat_it(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = refusal(monkeypatch, TVIDZ_ENVIRONMENT="production", TVIDZ_SECRET_KEY=secret)

    assert "TVIDZ_SECRET_KEY" in told
    assert "'short'" not in told


def test_production_refuses_debug_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(
        monkeypatch,
        TVIDZ_ENVIRONMENT="production",
        TVIDZ_SECRET_KEY=SECRET,
        TVIDZ_ALLOWED_HOSTS="tvidz.example",
        TVIDZ_DEBUG="true",
    )

    assert "TVIDZ_DEBUG" in told


def test_production_demands_host_names(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(monkeypatch, TVIDZ_ENVIRONMENT="production", TVIDZ_SECRET_KEY=SECRET)

    assert "TVIDZ_ALLOWED_HOSTS" in told


def test_production_with_a_secret_and_host_names_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TVIDZ_ENVIRONMENT", "production")
    monkeypatch.setenv("TVIDZ_SECRET_KEY", SECRET)
    monkeypatch.setenv("TVIDZ_ALLOWED_HOSTS", "tvidz.example")

    assert read_options().environment == "production"


def test_every_setting_has_a_description_and_a_default() -> None:
    for name, info in Options.model_fields.items():
        assert info.description, name
        assert not info.is_required(), name
        assert variable(name).startswith("TVIDZ_")
