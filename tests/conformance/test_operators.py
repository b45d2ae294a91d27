"""What operators see: the status, the stages of requests, and the log by request ids."""

import json
import os
import re
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import program
from conftest import REGION

ACCOUNT = "111122223333"


def kms_of(server):
    return boto3.client(
        "kms",
        endpoint_url=server.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def status_of(server, *options):
    env = {**os.environ, "AWS_ENDPOINT_URL": server.endpoint}
    answer = program.run("status", *options, env=env)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_status_tells_of_seal_store_journal_and_throttled_callers(tmp_path, clean_environment):
    with program.Server.dev(tmp_path / "data", "--quotas", "aws") as server:
        before = json.loads(status_of(server, "--json"))
        kms = kms_of(server)
        with pytest.raises(ClientError):
            for _ in range(60):
                kms.create_key()
        told = json.loads(status_of(server, "--json"))
        assert (told["health"], told["mode"], told["seal"]) == ("ready", "dev", "key file")
        assert told["store"]["rows"] > before["store"]["rows"] > 0
        assert told["store"]["revision"] > before["store"]["revision"]
        assert told["store"]["bytes"] > 0
        journal = told["journal"]
        assert journal["healthy"] and journal["segments"] >= 1 and journal["failures"] == 0
        assert journal["lastRecord"] > before["journal"]["lastRecord"]
        assert journal["sinceDurableMilliseconds"] < 60_000
        (caller,) = told["throttledCallers"]
        assert (caller["account"], caller["region"], caller["service"]) == (ACCOUNT, REGION, "kms")
        assert (caller["quota"], caller["calls"]) == ("CreateKey request rate", 1)
        text = status_of(server)
        assert "health   ready (dev, version " in text and "seal     key file\n" in text
        assert re.search(rf"^throttled {ACCOUNT} in {REGION}: 1 calls", text, re.MULTILINE)


def test_every_stage_of_a_request_is_measured(server, account):
    def counts():
        with urllib.request.urlopen(f"{server.endpoint}/_bulla/metrics", timeout=10) as answer:
            text = answer.read().decode()
        assert "# TYPE bulla_stage_seconds histogram\n" in text
        found = re.findall(r'bulla_stage_seconds_count{stage="(\w+)"} (\d+)', text)
        ends = re.findall(r'bulla_stage_seconds_bucket{stage="work",le="([^"]+)"}', text)
        assert ends == ["0.00001", "0.0001", "0.001", "0.01", "0.1", "+Inf"]
        return {stage: int(count) for stage, count in found}

    before = counts()
    kms = kms_of(server)
    for _ in range(5):
        kms.list_keys()
    after = counts()
    assert list(after) == ["read", "verify", "authorize", "work", "record"]
    assert all(after[stage] - before[stage] >= 5 for stage in after)


def test_the_log_has_every_call_by_its_request_id(tmp_path, clean_environment):
    env = {**os.environ, "BULLA_LOG": "info", "BULLA_LOG_FORMAT": "json"}
    with program.Server.dev(tmp_path / "data", env=env) as server:
        answer = kms_of(server).list_keys()
        request = answer["ResponseMetadata"]["RequestId"]

        def lines():
            each = [line for line in server.output().splitlines() if line.startswith("{")]
            return [json.loads(line) for line in each]

        def of_request():
            spans = ((line, span) for line in lines() for span in line.get("spans", []))
            return [(line, span) for line, span in spans if span.get("request_id") == request]

        program.wait_until(of_request, 20, "the call is logged")
        line, span = of_request()[0]
        assert (span["service"], span["operation"]) == ("kms", "ListKeys")
        assert (line["level"], line["message"], line["status"]) == ("INFO", "answered", 200)


def test_another_form_of_the_log_is_refused(clean_environment):
    env = {**os.environ, "BULLA_LOG_FORMAT": "xml"}
    answer = program.run("coverage", env=env)
    assert answer.returncode != 0 and "set text or json" in answer.stderr
