"""A thousand rotations due at once, some of whose databases are down."""

import collections
import concurrent.futures
import json
import re
import threading
import time

import program
import pytest
from conftest import client
from databases import PostgreSql
from postgresql_login import logs_in
from test_secret_rotation import FIRST, ROTATOR, told

SECRETS = 1000
DOWN = 20
# How many secrets are read and tried all the time.
WATCHED = 8
# AWS's protocol leaves this open with a single user: from the database's change to the last step.
OPEN_SECONDS = 5.0
SECONDS = 150


@pytest.fixture(scope="module")
def postgresql():
    database = PostgreSql()
    users = (f"CREATE USER u{n} WITH PASSWORD '{FIRST}'" for n in range(SECRETS - DOWN))
    database.ask(";".join(users))
    yield database
    database.close()


def watch(server, port, numbers, ended, spans):
    """Reads secrets and tries what they say, until `ended`; notes for how long it was refused."""
    secrets = client(server, "secretsmanager")
    while not ended.is_set():
        for number in numbers:
            since = time.monotonic()
            while True:
                text = secrets.get_secret_value(SecretId=f"many/{number}")["SecretString"]
                if logs_in(port, f"u{number}", json.loads(text)["password"]):
                    break
            spans.append(time.monotonic() - since)


def test_a_thousand_at_once(clean_environment, tmp_path, postgresql):
    closed = program.free_port()
    with program.Server.dev(tmp_path / "data") as server:
        secrets = client(server, "secretsmanager")
        rules = {"AutomaticallyAfterDays": 1}

        def make(number):
            login = postgresql.secret(f"u{number}", FIRST)
            if number >= SECRETS - DOWN:
                login["port"] = closed
            name = f"many/{number}"
            secrets.create_secret(Name=name, SecretString=json.dumps(login))
            secrets.rotate_secret(
                SecretId=name, RotationLambdaARN=ROTATOR + "postgresql-single-user",
                RotationRules=rules, RotateImmediately=False,
            )

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(make, range(SECRETS)))

        def listed():
            pages = secrets.get_paginator("list_secrets").paginate(
                PaginationConfig={"PageSize": 100}
            )
            return [one for page in pages for one in page["SecretList"]]

        def pending():
            labels = (sum(one["SecretVersionsToStages"].values(), []) for one in listed())
            return sum("AWSPENDING" in some for some in labels)

        program.wait_until(lambda: pending() == 0, SECONDS, "all were tried")
        ended, spans = threading.Event(), []
        numbers = range(0, SECRETS - DOWN, (SECRETS - DOWN) // WATCHED)
        way = (server, postgresql.port, numbers, ended, spans)
        watcher = threading.Thread(target=watch, args=way)
        watcher.start()
        began = time.monotonic()
        server.advance("P1D")
        program.wait_until(
            lambda: sum("LastRotatedDate" in one for one in listed()) == SECRETS - DOWN, SECONDS,
            "all that can be are rotated",
        )
        seconds = time.monotonic() - began
        ended.set()
        watcher.join()
        program.wait_until(
            lambda: len(told(server, "000000000000", "RotationFailed")) == DOWN, SECONDS,
            "what can't be rotated has failed",
        )
        log = (postgresql.home / "log").read_text(errors="replace")
        changes = collections.Counter(re.findall(r'statement: ALTER USER "(u\d+)"', log))
        assert len(changes) == SECRETS - DOWN and set(changes.values()) == {1}
        longest = max(spans)
        print(f"{SECRETS} rotations in {seconds:.1f} s; {len(spans)} readings, the longest until "
              f"the database took the password {longest * 1000:.0f} ms")
        assert longest < OPEN_SECONDS
        for number in range(SECRETS - DOWN, SECRETS):
            shown = secrets.describe_secret(SecretId=f"many/{number}")
            labels = sorted(sum(shown["VersionIdsToStages"].values(), []))
            assert labels == ["AWSCURRENT", "AWSPENDING"] and "LastRotatedDate" not in shown
        # What failed is tried again, and nothing else is.
        server.advance("PT2M")
        program.wait_until(
            lambda: len(told(server, "000000000000", "RotationFailed")) == 2 * DOWN, SECONDS,
            "they are tried again",
        )
        log = (postgresql.home / "log").read_text(errors="replace")
        assert len(re.findall(r'statement: ALTER USER "u\d+"', log)) == SECRETS - DOWN
