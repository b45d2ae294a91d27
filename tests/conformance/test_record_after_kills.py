"""`kill -9` under load, again and again: no answered call without its record, and none twice.

The journal, LookupEvents and the delivered files are counted against each other. The suite makes a
few rounds; `KILL_ROUNDS=50` makes as many as one likes.
"""

import gzip
import json
import os
import random
import signal
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import bucket
import program
from conftest import REGION
from test_cloudtrail import BUCKET, begin, finish, validate

ROUNDS = int(os.environ.get("KILL_ROUNDS", "4"))
WORKERS = 3
KIND = {"EnableLogFileValidation": True, "IsMultiRegionTrail": True}


class Site:
    """A server that is killed and started again, and what its calls answered."""

    def __init__(self, tmp_path):
        self.data, self.folder = tmp_path / "data", tmp_path / "trails"
        self.root = program.init(self.data)
        options = ["--trails", self.folder, "--trail-interval", "1", "--digest-interval", "4"]
        self.server = program.Server.serve(self.data, *map(str, options))
        self.answered, self.lookups = [], 0

    def client(self, service):
        # No retries: a call that failed is not one that was answered.
        config = Config(retries={"max_attempts": 0}, read_timeout=20, connect_timeout=5)
        return boto3.client(
            service,
            endpoint_url=self.server.endpoint,
            region_name=REGION,
            aws_access_key_id=self.root["AccessKeyId"],
            aws_secret_access_key=self.root["SecretAccessKey"],
            config=config,
        )

    def work(self, key, number):
        """Calls of several kinds until the server is gone."""
        kms, ssm = self.client("kms"), self.client("ssm")
        trail = self.client("cloudtrail") if number == 0 else None
        calls = [
            lambda: kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"n": str(number)}),
            lambda: kms.list_keys(),
            lambda: ssm.put_parameter(Name=f"/w{number}", Value="v", Type="String", Overwrite=True),
            lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        ]
        try:
            while True:
                for call in calls:
                    self.answered.append(call()["ResponseMetadata"]["RequestId"])
                if trail:
                    told = trail.lookup_events(MaxResults=10)
                    self.answered.append(told["ResponseMetadata"]["RequestId"])
                    self.lookups += 1
        except ClientError as error:
            # What was refused was answered as well.
            self.answered.append(error.response["ResponseMetadata"]["RequestId"])
        except BotoCoreError:
            pass

    def round(self, key):
        with self.server:
            workers = [threading.Thread(target=self.work, args=(key, n)) for n in range(WORKERS)]
            for worker in workers:
                worker.start()
            # The kill comes at a moment by chance: the one wait that waits for nothing.
            time.sleep(random.uniform(0.1, 0.9))
            self.server.kill()
            for worker in workers:
                worker.join()
        self.server = program.Server(*self.server._command)

    def journal(self, tmp_path):
        output = tmp_path / "journal.jsonl"
        done = program.run("audit", "export", "--data", self.data, "-o", output, "--format", "jsonl")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in output.read_text().splitlines()]

    def delivered(self):
        files = self.folder.glob(f"{BUCKET}/AWSLogs/*/CloudTrail/**/*.json.gz")
        files = [file for file in files if file.is_file()]
        return [
            event
            for file in files
            for event in json.loads(gzip.decompress(file.read_bytes()))["Records"]
        ]


@pytest.fixture
def long_time_limit(time_limit):
    signal.alarm(240 + 20 * ROUNDS)


def test_no_answered_call_is_without_its_record(clean_environment, tmp_path, long_time_limit):
    site = Site(tmp_path)
    with site.server:
        key = site.client("kms").create_key()["KeyMetadata"]["KeyId"]
        arn = begin(site.client("cloudtrail"), **KIND)
    site.server = program.Server(*site.server._command)
    for _ in range(ROUNDS):
        site.round(key)
    with site.server as server:
        trail = site.client("cloudtrail")
        stopped = finish(trail, **KIND)["ResponseMetadata"]["RequestId"]
        pages = trail.get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 50})
        looked_up = [event["EventId"] for page in pages for event in page["Events"]]
        verified = program.run("audit", "verify", "--data", site.data)
        assert verified.returncode == 0, verified.stderr
        journal = site.journal(tmp_path)
        with bucket.served(site.folder) as endpoint:
            code, output = validate(server, arn, site.root, endpoint)
        assert code == 0, output

    # Every answered call is recorded, once.
    recorded = [event["requestID"] for event in journal if "requestID" in event]
    assert len(site.answered) == len(set(site.answered))
    missing = set(site.answered) - set(recorded)
    assert not missing, f"{len(missing)} of {len(site.answered)} answered calls are not recorded"
    assert len(recorded) == len(set(recorded))
    ids = [event["eventID"] for event in journal]
    assert len(ids) == len(set(ids))
    # What was recorded while the trail was on is delivered, once, and nothing else.
    start = next(at for at, event in enumerate(journal) if event["eventName"] == "StartLogging")
    end = next(at for at, event in enumerate(journal) if event.get("requestID") == stopped)
    delivered = [event["eventID"] for event in site.delivered()]
    assert len(delivered) == len(set(delivered))
    wanted = set(ids[start + 1 : end])
    assert set(delivered) - {ids[start], ids[end]} == wanted
    # LookupEvents tells the same of the one region, once.
    assert len(looked_up) == len(set(looked_up))
    here = {event["eventID"] for event in journal[:end] if event["awsRegion"] == REGION}
    assert here <= set(looked_up) <= set(ids)
    print(
        f"{ROUNDS} kills, {len(site.answered)} answered calls, {site.lookups} lookups among them;"
        f" {len(ids)} records, {len(delivered)} delivered, {len(looked_up)} looked up"
    )
