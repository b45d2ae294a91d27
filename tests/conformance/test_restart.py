"""What was acknowledged is there after a restart, however the program ended."""

import concurrent.futures
import json
import sqlite3

import botocore.exceptions
import pytest
import program
from conftest import client, new_key


@pytest.fixture
def data(clean_environment, tmp_path):
    return tmp_path / "data"


def end(server, way):
    server.kill() if way == "kill" else server.stop()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_everything_is_there_after_a_restart(data, way):
    with program.Server.dev(data) as server:
        kms = client(server)
        key = new_key(kms, Description="kept", Tags=[{"TagKey": "a", "TagValue": "b"}])
        kms.create_alias(AliasName="alias/kept", TargetKeyId=key)
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
        policy = kms.get_key_policy(KeyId=key)["Policy"]
        blob = kms.encrypt(KeyId=key, Plaintext=b"kept", EncryptionContext={"a": "b"})
        described = kms.describe_key(KeyId="alias/kept")["KeyMetadata"]
        rotation = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
        end(server, way)
    with program.Server.dev(data) as server:
        kms = client(server)
        assert kms.describe_key(KeyId="alias/kept")["KeyMetadata"] == described
        assert kms.get_key_policy(KeyId=key)["Policy"] == policy
        assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
        assert kms.get_key_rotation_status(KeyId=key)["NextRotationDate"] == rotation
        opened = kms.decrypt(
            CiphertextBlob=blob["CiphertextBlob"], EncryptionContext={"a": "b"}
        )
        assert opened["Plaintext"] == b"kept"


def test_a_due_job_survives_a_restart(data):
    with program.Server.dev(data) as server:
        kms = client(server)
        key = new_key(kms)
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        end(server, "kill")
    with program.Server.dev(data) as server:
        kms = client(server)
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
        server.advance("P9D")
        assert kms.list_keys()["Keys"] == []


def test_every_acknowledged_key_survives_a_kill(data):
    acknowledged = []
    for _ in range(5):
        with program.Server.dev(data) as server:
            kms = client(server)
            listed = {entry["KeyArn"] for page in pages(kms) for entry in page["Keys"]}
            assert listed >= set(acknowledged)
            acknowledged += [new_key(kms) for _ in range(20)]
            end(server, "kill")


def pages(kms):
    return kms.get_paginator("list_keys").paginate()


def test_the_last_use_survives_an_orderly_end(data):
    with program.Server.dev(data) as server:
        kms = client(server)
        key = new_key(kms)
        kms.encrypt(KeyId=key, Plaintext=b"x")
        used = kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]
        assert used["Operation"] == "Encrypt"
        end(server, "stop")
    with program.Server.dev(data) as server:
        assert client(server).get_key_last_usage(KeyId=key)["KeyLastUsage"] == used


def rows_of_the_outbox(data):
    with sqlite3.connect(data / "bulla.db") as store:
        return store.execute("SELECT count(*) FROM kv WHERE space = 'plane.outbox'").fetchone()[0]


def create_until_it_ends(kms):
    """Makes keys until the server is gone; how many were acknowledged."""
    for count in range(100_000):
        try:
            new_key(kms)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return count
    raise AssertionError("the server did not end")


def test_every_key_has_one_record_after_a_kill(data):
    writers, keys = 8, set()
    for _ in range(3):
        with program.Server.dev(data) as server:
            with concurrent.futures.ThreadPoolExecutor(writers) as pool:
                clients = [client(server) for _ in range(writers)]
                writing = [pool.submit(create_until_it_ends, kms) for kms in clients]
                watching = client(server)
                enough = len(keys) + 40
                program.wait_until(
                    lambda: len(watching.list_keys(Limit=1000)["Keys"]) > enough, 30, "writes"
                )
                end(server, "kill")
                assert all(one.result() >= 0 for one in writing)
        with program.Server.dev(data) as server:
            kms = client(server)
            keys = {entry["KeyArn"] for page in pages(kms) for entry in page["Keys"]}
            end(server, "stop")
        assert rows_of_the_outbox(data) == 0
        told = program.run("audit", "tail", "--data", data, "--count", "1000000").stdout
        records = [json.loads(line) for line in told.splitlines()]
        assert len({record["eventID"] for record in records}) == len(records)
        made = [
            record["resources"][0]["ARN"]
            for record in records
            if record["eventName"] == "CreateKey" and "errorCode" not in record
        ]
        assert len(made) == len(set(made))
        assert set(made) == keys


def test_serve_keeps_its_root_key(data):
    root = program.init(data)
    for _ in range(2):
        with program.Server.serve(data) as server:
            sts = client(
                server, "sts", account=root["AccessKeyId"], secret=root["SecretAccessKey"]
            )
            assert sts.get_caller_identity()["Account"] == root["AccountId"]
