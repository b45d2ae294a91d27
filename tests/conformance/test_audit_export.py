"""`bulla audit export`: whole or not there, whatever ends it."""

import json
import resource
import subprocess

import pytest

import program
from conftest import client


@pytest.fixture(scope="module")
def filled(clean_environment, tmp_path_factory):
    """A data directory with some hundred records, and a running server on it."""
    data = tmp_path_factory.mktemp("exported") / "data"
    with program.Server.dev(data) as server:
        kms = client(server)
        for _ in range(300):
            kms.list_keys()
        yield data


def export(data, output, form, limit=None):
    """Runs an export; with a limit, the system ends it once it has written so much."""

    def set_limit():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    command = ["audit", "export", "--data", data, "--format", form, "-o", output]
    return subprocess.run(
        [program.binary(), *map(str, command)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=set_limit,
    )


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_interrupted_export_leaves_no_half_file(filled, tmp_path, form):
    output = tmp_path / "calls"
    ended = export(filled, output, form, limit=20_000)
    assert ended.returncode != 0, ended.stderr
    assert not output.exists()
    # The next one begins anew, over what was left, and is whole.
    whole = export(filled, output, form)
    assert whole.returncode == 0, whole.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["calls"]
    before = output.read_bytes()
    assert len(before) > 20_000
    if form == "jsonl":
        lines = [json.loads(line) for line in before.splitlines()]
        assert sum(line["eventName"] == "ListKeys" for line in lines) == 300
        assert len({line["eventID"] for line in lines}) == len(lines)
    else:
        assert before[:4] == b"PAR1" and before[-4:] == b"PAR1"
    # One that is there stays as it was until another is whole.
    assert export(filled, output, form, limit=20_000).returncode != 0
    assert output.read_bytes() == before
