"""The program's own addresses: health, metrics, and in dev the clock and the reset."""

import re
import time
from datetime import datetime, timedelta

import pytest
import program
from conftest import client, new_key
from expect import refused


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.fixture
def fresh_server(clean_environment, tmp_path):
    with program.Server.dev(tmp_path / "data") as server:
        yield server


def test_health(server, strict_server):
    for each in (server, strict_server):
        assert each.control("health")[0] == 200


def test_metrics_are_prometheus_text(server, kms, key):
    kms.encrypt(KeyId=key, Plaintext=b"x")
    status, text = server.control("metrics")
    assert status == 200
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert samples
    sample = re.compile(r'[a-zA-Z_:][\w:]*(\{.*\})? [-+.\deEINnafF]+( \d+)?')
    assert all(sample.fullmatch(line) for line in samples), samples
    assert any(line.startswith("# TYPE ") for line in text.splitlines())


def test_the_clock_goes_on_by_what_is_asked(fresh_server):
    first = at(fresh_server.advance("PT0S"))
    second = at(fresh_server.advance("P90D"))
    assert abs(second - first - timedelta(days=90)) < timedelta(minutes=1)


def test_the_turned_clock_dates_what_is_made(fresh_server):
    now = at(fresh_server.advance("P1000D"))
    created = client(fresh_server).create_key()["KeyMetadata"]["CreationDate"]
    assert abs(created - now) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"advance": "soon"},
        {"advance": 7},
        {"advance": "-P1D"},
        {"advance": "P9999999Y"},
        [],
    ],
)
def test_what_is_no_duration_is_refused(server, body):
    status, text = server.control("clock", body)
    assert status == 400, text


def test_a_reset_empties_everything_at_once(fresh_server):
    kms = client(fresh_server)
    key = new_key(kms)
    kms.create_alias(AliasName="alias/a", TargetKeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    began = time.monotonic()
    fresh_server.reset()
    assert time.monotonic() - began < 2
    assert kms.list_keys()["Keys"] == []
    assert kms.list_aliases()["Aliases"] == []
    with refused("NotFoundException"):
        kms.describe_key(KeyId=key)
    with refused("AccessDeniedException"):
        kms.decrypt(CiphertextBlob=blob)
    # It is as good as new.
    again = new_key(kms)
    assert kms.encrypt(KeyId=again, Plaintext=b"x")["KeyId"] == again


def test_serve_has_neither_clock_nor_reset(strict_server, strict_kms):
    key = new_key(strict_kms)
    for path, body in (("clock", {"advance": "P90D"}), ("reset", {})):
        status, _ = strict_server.control(path, body)
        assert 400 <= status < 500
    assert strict_kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key


@pytest.mark.parametrize("path", ["", "nothing", "health/x", "../etc/passwd"])
def test_other_addresses_are_not_there(server, path):
    status, _ = server.control(path)
    assert 400 <= status < 500
