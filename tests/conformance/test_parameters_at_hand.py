"""`bulla run`, `env`, `export` and `import`: parameters for programs, and from store to store."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from conftest import client, new_key

import program

EXIT_FAILED, EXIT_USAGE, EXIT_FAULTS, EXIT_MESSAGE = 1, 2, 3, 4
AWKWARD = "it's \"$HOME\" `id` \\ back\nsecond line\ttab é"


class Hand:
    """The program as an account's root user."""

    def __init__(self, server, account):
        self.env = {
            **os.environ,
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "x",
        }
        self.ssm = client(server, "ssm", account=account)
        self.secrets = client(server, "secretsmanager", account=account)

    def __call__(self, *args, status=0):
        done = program.run(*args, env=self.env)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done

    def put(self, name, value, kind="SecureString", **more):
        self.ssm.put_parameter(Name=name, Value=value, Type=kind, **more)


@pytest.fixture
def hand(server, account):
    return Hand(server, account)


@pytest.fixture
def other(server, other_account):
    return Hand(server, other_account)


@pytest.fixture
def raw_key(tmp_path):
    path = tmp_path / "archive.key"
    path.write_bytes(os.urandom(32))
    return ("--raw-key", path, "--raw-name", "archives/one")


def printing():
    """A program that prints its environment as JSON."""
    code = "import json, os, sys; json.dump([dict(os.environ), sys.argv[1:]], sys.stdout)"
    return sys.executable, "-c", code


def test_a_program_runs_with_the_parameters_under_its_paths(hand):
    hand.put("/shared/log-level", "info", "String")
    hand.put("/shared/region.name", "x", "String")
    hand.put("/app/db/password", AWKWARD)
    hand.put("/app/hosts", "a,b", "StringList")
    hand.put("/app/log-level", "debug", "String")
    hand.put("/apple/pie", "no", "String")
    done = hand("run", "--path", "/shared", "--path", "/app", "--", *printing(), "-x", "--", "y")
    environment, arguments = json.loads(done.stdout)
    assert arguments == ["-x", "--", "y"]
    wanted = {
        "LOG_LEVEL": "debug",
        "REGION_NAME": "x",
        "DB_PASSWORD": AWKWARD,
        "HOSTS": "a,b",
        "AWS_ACCESS_KEY_ID": hand.env["AWS_ACCESS_KEY_ID"],
    }
    assert {name: environment.get(name) for name in wanted} == wanted
    assert "PIE" not in environment
    pristine = hand("run", "--pristine", "--path", "/app", "--", *printing())
    names = set(json.loads(pristine.stdout)[0]) - {"LC_CTYPE"}
    assert names == {"DB_PASSWORD", "HOSTS", "LOG_LEVEL"}


def test_more_than_a_page_arrives(hand):
    for number in range(23):
        hand.put(f"/many/deep/n{number}", str(number), "String")
    values = json.loads(hand("env", "--path", "/many", "--format", "json").stdout)
    assert values == {f"DEEP_N{number}": str(number) for number in range(23)}


def test_exit_code_and_signals_are_those_of_the_program(hand):
    hand.put("/x/y", "1", "String")
    hand("run", "--path", "/x", "--", sys.executable, "-c", "raise SystemExit(41)", status=41)
    done = program.run(
        *("run", "--path", "/x", "--", sys.executable, "-c"),
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        env=hand.env,
    )
    assert done.returncode == -signal.SIGTERM
    missing = hand("run", "--path", "/x", "--", "/nonexistent/program", status=127)
    assert "/nonexistent/program can't be run" in missing.stderr
    hand("run", "--path", "/x", "--", "/", status=126)


def test_what_can_be_no_environment_is_refused_before_the_program_runs(hand, tmp_path):
    hand.put("/two/a-b", "1", "String")
    hand.put("/two/a/b", "2", "String")
    mark = tmp_path / "mark"
    done = hand("run", "--path", "/two", "--", "touch", mark, status=EXIT_USAGE)
    assert "/two/a-b" in done.stderr and "/two/a/b" in done.stderr and "A_B" in done.stderr
    assert not mark.exists()
    refused = hand("run", "--path", "no-slash", "--", "touch", mark, status=EXIT_FAILED)
    assert "GetParametersByPath was refused with ValidationException" in refused.stderr
    assert not mark.exists()


def test_a_shell_can_evaluate_what_env_prints(hand):
    hand.put("/app/awkward", AWKWARD)
    printed = hand("env", "--path", "/app").stdout
    script = printed + 'printf %s "$AWKWARD"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout == AWKWARD
    assert hand("env", "--path", "/app", "--format", "dotenv").stdout.startswith('AWKWARD="it\'s')


def fill(hand):
    """Parameters of every kind, and what `describe` and others say of them."""
    hand.put("/app/plain", "one", "String", Description="d", AllowedPattern="^o.*")
    hand.put("/app/list", "a,b", "StringList", Tags=[{"Key": "team", "Value": "a"}])
    hand.put("/app/secret", "old")
    hand.put("/app/secret", AWKWARD, Overwrite=True)
    hand.ssm.label_parameter_version(Name="/app/secret", ParameterVersion=2, Labels=["live", "v2"])
    policy = {
        "Type": "NoChangeNotification",
        "Version": "1.0",
        "Attributes": {"After": "20", "Unit": "Days"},
    }
    policies = json.dumps([policy])
    hand.put("/app/large", "x" * 6000, "String", Tier="Advanced", Policies=policies)
    hand.put("/other/left", "no", "String")


def told(hand, path="/app"):
    """All that can be asked of the parameters under a path, dates and versions apart."""
    found = {}
    filters = [{"Key": "Path", "Option": "Recursive", "Values": [path]}]
    pages = hand.ssm.get_paginator("describe_parameters").paginate(ParameterFilters=filters)
    for page in pages:
        for parameter in page["Parameters"]:
            name = parameter["Name"]
            history = hand.ssm.get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
            tags = hand.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)
            found[name] = (
                {
                    member: history[-1].get(member)
                    for member in ("Type", "KeyId", "Value", "Description", "AllowedPattern")
                    + ("Labels", "Tier", "DataType")
                },
                [policy["PolicyText"] for policy in history[-1]["Policies"]],
                tags["TagList"],
            )
    return found


def test_an_archive_carries_parameters_from_one_account_to_another(hand, other, raw_key, tmp_path):
    fill(hand)
    archive = tmp_path / "app.archive"
    listed = hand("export", "--path", "/app", *raw_key, "-o", archive, "--dry-run")
    names = ["/app/large", "/app/list", "/app/plain", "/app/secret"]
    assert sorted(listed.stdout.split()) == names
    assert not archive.exists()
    done = hand("export", "--path", "/app", *raw_key, "-o", archive)
    assert "4 parameters are in" in done.stderr
    content = archive.read_bytes()
    for secret in (AWKWARD.encode(), b"back", b"/app/", b"x" * 40):
        assert secret not in content
    again = hand("export", "--path", "/app", *raw_key, "-o", archive, status=EXIT_USAGE)
    assert "is there already" in again.stderr and archive.read_bytes() == content

    planned = other("import", *raw_key, "-i", archive, "--dry-run")
    kinds = {"large": "String", "list": "StringList", "plain": "String", "secret": "SecureString"}
    lines = [f"create /app/{name} ({kind})" for name, kind in kinds.items()]
    assert sorted(planned.stdout.splitlines()) == lines
    assert told(other) == {}
    done = other("import", *raw_key, "-i", archive)
    assert "4 created, 0 overwritten, 0 kept, 0 skipped" in done.stderr
    assert told(other) == told(hand)
    # The same once more changes nothing.
    done = other("import", *raw_key, "-i", archive)
    assert "0 created, 0 overwritten, 4 kept, 0 skipped" in done.stderr
    assert other.ssm.get_parameter(Name="/app/plain")["Parameter"]["Version"] == 1


def test_what_is_there_and_differs_is_decided_by_the_caller(hand, other, raw_key, tmp_path):
    fill(hand)
    archive = tmp_path / "app.archive"
    hand("export", "--path", "/app", *raw_key, "-o", archive)
    other.put("/app/plain", "mine", "String")
    done = other("import", *raw_key, "-i", archive, status=EXIT_USAGE)
    assert "/app/plain" in done.stderr and "nothing was changed" in done.stderr
    assert list(told(other)) == ["/app/plain"]
    done = other("import", *raw_key, "-i", archive, "--on-conflict", "skip")
    assert "3 created, 0 overwritten, 0 kept, 1 skipped" in done.stderr
    assert other.ssm.get_parameter(Name="/app/plain")["Parameter"]["Value"] == "mine"
    done = other("import", *raw_key, "-i", archive, "--on-conflict", "overwrite")
    assert "0 created, 1 overwritten, 3 kept, 0 skipped" in done.stderr
    plain = other.ssm.get_parameter(Name="/app/plain")["Parameter"]
    assert (plain["Value"], plain["Version"]) == ("one", 2)


def test_secure_strings_can_be_given_another_key(server, hand, other, other_account, raw_key, tmp_path):
    fill(hand)
    archive = tmp_path / "app.archive"
    hand("export", "--path", "/app", *raw_key, "-o", archive)
    key = new_key(client(server, account=other_account))
    other("import", *raw_key, "-i", archive, "--kms-key", key)
    keys = {name: parameter[0]["KeyId"] for name, parameter in told(other).items()}
    assert keys == {"/app/large": None, "/app/list": None, "/app/plain": None, "/app/secret": key}


def test_an_archive_under_a_key_of_kms_is_opened_by_who_may_use_it(server, hand, account, tmp_path):
    hand.put("/app/a", "1")
    key = new_key(client(server, account=account))
    archive = tmp_path / "app.archive"
    hand("export", "--path", "/app", "--key", key, "-o", archive)
    hand.ssm.delete_parameter(Name="/app/a")
    done = hand("import", "--discovery", "-i", archive)
    assert "1 created" in done.stderr
    assert hand.ssm.get_parameter(Name="/app/a", WithDecryption=True)["Parameter"]["Value"] == "1"
    stranger = Hand(server, "999999999999")
    stranger("import", "--discovery", "-i", archive, status=5)


def test_a_damaged_archive_changes_nothing(hand, other, raw_key, tmp_path):
    fill(hand)
    archive = tmp_path / "app.archive"
    hand("export", "--path", "/app", *raw_key, "-o", archive)
    content = archive.read_bytes()
    for damaged, status in (
        (content[: len(content) // 2], EXIT_FAULTS),
        (content[:-1], EXIT_FAULTS),
        (content[:-1] + bytes([content[-1] ^ 1]), EXIT_MESSAGE),
        (b"no archive", EXIT_USAGE),
    ):
        archive.write_bytes(damaged)
        other("import", *raw_key, "-i", archive, status=status)
    assert told(other) == {}


def test_an_interrupted_export_goes_on(hand, other, raw_key, tmp_path):
    count = 160
    for number in range(count):
        hand.put(f"/app/n{number:03}", f"value {number}", "String")
    archive = tmp_path / "app.archive"
    partial = pathlib.Path(f"{archive}.partial")
    command = ("export", "--path", "/app", *raw_key, "-o", archive)
    running = subprocess.Popen(
        [program.binary(), *map(str, command)], env=hand.env, stderr=subprocess.DEVNULL
    )
    # The first chunk has been written once the file holds more than its first line.
    written = lambda: archive.exists() or (partial.exists() and partial.stat().st_size > 1000)
    program.wait_until(written, 60, "a chunk is written")
    running.kill()
    running.wait()
    if archive.exists():
        # It was faster than the signal: cut it as the signal would have.
        partial.write_bytes(archive.read_bytes()[:5000])
        archive.unlink()
    done = hand(*command)
    assert " before" in done.stderr and not partial.exists()
    other("import", *raw_key, "-i", archive)
    values = {name: parameter[0]["Value"] for name, parameter in told(other).items()}
    assert values == {f"/app/n{number:03}": f"value {number}" for number in range(count)}


def test_an_import_that_stopped_half_way_is_ended_by_the_next(hand, other, raw_key, tmp_path):
    fill(hand)
    archive = tmp_path / "app.archive"
    hand("export", "--path", "/app", *raw_key, "-o", archive)
    # What an import leaves that was killed between a value and its tags and labels.
    other.put("/app/list", "a,b", "StringList")
    other.put("/app/secret", AWKWARD)
    done = other("import", *raw_key, "-i", archive)
    assert "2 created, 0 overwritten, 2 kept" in done.stderr
    assert told(other) == told(hand)


class TestSecrets:
    def test_a_program_runs_with_secrets(self, hand):
        login = {"user": "app", "password": AWKWARD, "port": 5432, "tls": True, "none": None}
        hand.put("/app/db-user", "from a parameter", "String")
        hand.secrets.create_secret(Name="production/db", SecretString=json.dumps(login))
        key = hand.secrets.create_secret(Name="production/api-key", SecretString="k3y")["ARN"]
        done = hand("run", "--path", "/app", "--secret", "production/db", "--secret", key, "--",
                    *printing())
        environment, _ = json.loads(done.stdout)
        wanted = {"DB_USER": "app", "DB_PASSWORD": AWKWARD, "DB_PORT": "5432", "DB_TLS": "true",
                  "API_KEY": "k3y"}
        assert {name: environment.get(name) for name in wanted} == wanted
        assert "DB_NONE" not in environment
        out = hand("env", "--secret", "production/api-key", "--format", "json").stdout
        assert json.loads(out) == {"API_KEY": "k3y"}

    def test_what_no_variable_can_hold(self, hand):
        hand.secrets.create_secret(Name="bytes", SecretBinary=b"\x00\x01")
        done = hand("run", "--secret", "bytes", "--", "true", status=EXIT_USAGE)
        assert "bytes is binary" in done.stderr
        hand.secrets.create_secret(Name="twice", SecretString='{"a-b": "1", "a.b": "2"}')
        done = hand("run", "--secret", "twice", "--", "true", status=EXIT_USAGE)
        assert "both give the variable TWICE_A_B" in done.stderr
        done = hand("run", "--secret", "missing", "--", "true", status=EXIT_FAILED)
        assert "ResourceNotFoundException" in done.stderr
        assert hand("run", "--", "true", status=EXIT_USAGE).stderr

    def test_secrets_go_from_place_to_place(self, hand, other, raw_key, tmp_path):
        here, there = hand.secrets, other.secrets
        policy = json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret",
            "Resource": "*"}})
        here.create_secret(Name="app/db", SecretString="one", Description="d",
                           Tags=[{"Key": "team", "Value": "red"}])
        here.put_resource_policy(SecretId="app/db", ResourcePolicy=policy)
        here.put_secret_value(SecretId="app/db", SecretString="two",
                              VersionStages=["AWSCURRENT", "BLUE"])
        here.put_secret_value(SecretId="app/db", SecretString="three", VersionStages=["GREEN"])
        here.create_secret(Name="app/bytes", SecretBinary=b"\x00\xff")
        here.create_secret(Name="app/empty")
        here.create_secret(Name="other", SecretString="no")
        archive = tmp_path / "secrets.archive"
        done = hand("export", "--secrets", "app/", *raw_key, "-o", archive, "-q")
        assert "3 secrets are in" in done.stderr
        assert b"three" not in archive.read_bytes() and b"app/db" not in archive.read_bytes()
        dry = other("import", *raw_key, "-i", archive, "--dry-run")
        assert "create app/db (secret)" in dry.stdout and there.list_secrets()["SecretList"] == []
        done = other("import", *raw_key, "-i", archive, "-q")
        assert "3 created, 0 overwritten, 0 kept, 0 skipped" in done.stderr
        for stage, text in [("AWSCURRENT", "two"), ("AWSPREVIOUS", "one"), ("BLUE", "two"),
                            ("GREEN", "three")]:
            ours, theirs = (one.get_secret_value(SecretId="app/db", VersionStage=stage)
                            for one in (here, there))
            assert theirs["SecretString"] == text and theirs["VersionId"] == ours["VersionId"]
        shown = there.describe_secret(SecretId="app/db")
        assert shown["Description"] == "d" and shown["Tags"] == [{"Key": "team", "Value": "red"}]
        assert json.loads(there.get_resource_policy(SecretId="app/db")["ResourcePolicy"]) == (
            json.loads(policy))
        assert there.get_secret_value(SecretId="app/bytes")["SecretBinary"] == b"\x00\xff"
        assert "VersionIdsToStages" not in there.describe_secret(SecretId="app/empty")
        done = other("import", *raw_key, "-i", archive, "-q")
        assert "0 created, 0 overwritten, 3 kept, 0 skipped" in done.stderr
        there.put_secret_value(SecretId="app/db", SecretString="four")
        done = other("import", *raw_key, "-i", archive, "-q", status=EXIT_USAGE)
        assert "such as app/db: nothing was changed" in done.stderr
        done = other("import", *raw_key, "-i", archive, "-q", "--on-conflict", "skip")
        assert "2 kept, 1 skipped" in done.stderr
        done = other("import", *raw_key, "-i", archive, "-q", "--on-conflict", "overwrite")
        assert "1 overwritten, 2 kept" in done.stderr
        assert there.get_secret_value(SecretId="app/db")["SecretString"] == "two"
