"""EventBridge: from what happens to a real target on loopback, across clocks, errors and kills."""

import json
import random
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from conftest import REGION, client
from hooks import Hooks

import program

KILLS = 5
SECONDS = 60


@pytest.fixture
def hooks():
    with Hooks() as hooks:
        yield hooks


def rule_to(events, hooks, pattern, **target):
    """A rule whose events go to the hooks, with a password."""
    auth = {"BasicAuthParameters": {"Username": "ann", "Password": "secret-word"}}
    connection = events.create_connection(
        Name="hooks", AuthorizationType="BASIC", AuthParameters=auth
    )
    destination = events.create_api_destination(
        Name="hooks",
        ConnectionArn=connection["ConnectionArn"],
        InvocationEndpoint=hooks.url + "/in",
        HttpMethod="POST",
    )
    events.put_rule(Name="to-hooks", EventPattern=json.dumps(pattern))
    target = {"Id": "hooks", "Arn": destination["ApiDestinationArn"], **target}
    events.put_targets(Rule="to-hooks", Targets=[target])


def arrived(hooks, number):
    """Waits for so many requests."""
    what = f"{number} requests at the target"
    program.wait_until(lambda: len(hooks.requests) >= number, SECONDS, what)
    return hooks.requests


def test_events_reach_a_target_in_order(server, account, hooks):
    events = client(server, "events", account=account)
    rule_to(events, hooks, {"source": ["orders"], "detail": {"n": [{"numeric": [">=", 0]}]}})
    entry = lambda n: {"Source": "orders", "DetailType": "d", "Detail": json.dumps({"n": n})}
    ids = []
    for first in range(0, 50, 10):
        answer = events.put_events(Entries=[entry(n) for n in range(first, first + 10)])
        ids += [entry["EventId"] for entry in answer["Entries"]]
    events.put_events(Entries=[{**entry(-1), "Source": "others"}])
    arrived(hooks, 50)
    assert [event["id"] for event in hooks.events] == ids
    assert [event["detail"]["n"] for event in hooks.events] == list(range(50))
    (method, path, headers, _), *_ = hooks.requests
    assert (method, path) == ("POST", "/in")
    assert headers["authorization"] == "Basic YW5uOnNlY3JldC13b3Jk"


def test_a_client_with_credentials_gets_a_token(server, account, hooks):
    events = client(server, "events", account=account)
    hooks.answer(200, json.dumps({"access_token": "t0ken", "expires_in": 60}).encode())
    auth = {
        "OAuthParameters": {
            "ClientParameters": {"ClientID": "id", "ClientSecret": "secret-word"},
            "AuthorizationEndpoint": hooks.url + "/token",
            "HttpMethod": "POST",
        }
    }
    made = events.create_connection(
        Name="c", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters=auth
    )
    state = lambda: events.describe_connection(Name="c")["ConnectionState"]
    program.wait_until(lambda: state() == "AUTHORIZED", SECONDS, "the connection is authorized")
    destination = events.create_api_destination(
        Name="d",
        ConnectionArn=made["ConnectionArn"],
        InvocationEndpoint=hooks.url + "/in",
        HttpMethod="PUT",
    )
    events.put_rule(Name="r", EventPattern='{"source": ["s"]}')
    target = {"Id": "t", "Arn": destination["ApiDestinationArn"], "InputPath": "$.detail"}
    events.put_targets(Rule="r", Targets=[target])
    events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": '{"n": 1}'}])
    token, sent = arrived(hooks, 2)
    assert token[1] == "/token" and "client_id=id&client_secret=secret-word" in token[3]
    assert (sent[0], sent[1], sent[3]) == ("PUT", "/in", '{"n":1}')
    assert sent[2]["authorization"] == "Bearer t0ken"


def test_a_rotation_and_a_schedule_come_by_the_clock(clock_server, account, hooks):
    events = client(clock_server, "events", account=account)
    kms = client(clock_server, account=account)
    rule_to(events, hooks, {"source": ["aws.kms"], "detail-type": ["KMS CMK Rotation"]})
    key = kms.create_key()["KeyMetadata"]
    kms.rotate_key_on_demand(KeyId=key["KeyId"])
    (destination,) = events.list_targets_by_rule(Rule="to-hooks")["Targets"]
    events.put_rule(Name="daily", ScheduleExpression="cron(0 12 * * ? *)")
    events.put_targets(Rule="daily", Targets=[{**destination, "Input": '"noon"'}])
    clock_server.advance("P1D")
    arrived(hooks, 2)
    rotation, noon = sorted(hooks.events, key=lambda event: event == "noon")
    assert noon == "noon"
    assert rotation["resources"] == [key["Arn"]]
    assert rotation["detail"] == {"key-id": key["KeyId"]}
    assert (rotation["account"], rotation["region"]) == (account, REGION)
    events.remove_targets(Rule="daily", Ids=["hooks"])
    events.delete_rule(Name="daily")


def test_what_fails_is_tried_again_and_what_never_works_is_kept(tmp_path, hooks):
    data = tmp_path / "data"
    with program.Server.dev(data) as server:
        events = client(server, "events")
        dead = f"arn:aws:sqs:{REGION}:000000000000:dead"
        rule_to(events, hooks, {"source": ["s"]}, DeadLetterConfig={"Arn": dead})
        log = f"arn:aws:logs:{REGION}:000000000000:log-group:/aws/events/s"
        events.put_targets(Rule="to-hooks", Targets=[{"Id": "log", "Arn": log}])
        entry = lambda n: {"Source": "s", "DetailType": "d", "Detail": json.dumps({"n": n})}
        hooks.answer(500)
        events.put_events(Entries=[entry(1)])
        arrived(hooks, 2)
        hooks.answer(404)
        events.put_events(Entries=[entry(2)])
        path = data / "events/queues/000000000000" / REGION / "dead.jsonl"
        program.wait_until(path.exists, SECONDS, "a dead letter")
        (letter,) = [json.loads(line) for line in path.read_text().splitlines()]
        assert json.loads(letter["Body"])["detail"] == {"n": 2}
        assert letter["MessageAttributes"]["ERROR_CODE"] == "ERROR_FROM_TARGET"
        path = data / "events/logs/000000000000" / REGION / "%2faws%2fevents%2fs.jsonl"
        read = lambda: path.exists() and path.read_text().splitlines()
        program.wait_until(lambda: len(read() or []) == 2, SECONDS, "two lines of the log")
        assert [json.loads(line)["detail"]["n"] for line in read()] == [1, 2]
        assert path.stat().st_mode & 0o777 == 0o600
        server.stop()
        kept = b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())
        assert b"secret-word" not in kept and b"secret-word" not in server.output().encode()


class Writer(threading.Thread):
    """Puts events without end, and remembers which were acknowledged."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.acknowledged, self.ended = server, [], threading.Event()

    def run(self):
        number = 0
        while not self.ended.is_set():
            number += 1
            detail = json.dumps({"n": number})
            entries = [{"Source": "s", "DetailType": "d", "Detail": detail}] * 3
            try:
                answer = quick(self.server).put_events(Entries=entries)
            except (BotoCoreError, ClientError):
                # Killed while it was asked: whether the events are there nobody was told.
                continue
            self.acknowledged += [entry["EventId"] for entry in answer["Entries"]]


def quick(server):
    """A client that does not try again."""
    config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
    return boto3.client("events", endpoint_url=server.endpoint, config=config)


def test_kills_lose_no_event(clean_environment, tmp_path, hooks):
    """`kill -9` while events are put, delivered and tried again: each that was acknowledged comes."""
    pick = random.Random(7)
    with program.Server.dev(tmp_path / "data") as server:
        rule_to(client(server, "events"), hooks, {"source": ["s"]})
        hooks.fail_every(10)
        writer = Writer(server)
        writer.start()
        for _ in range(KILLS):
            # A moment that has nothing to do with what the server is at.
            time.sleep(pick.uniform(0.3, 1.5))
            server.kill()
            server.start()
            program.wait_until(server.healthy, SECONDS, "the server is up again")
        before = len(writer.acknowledged)
        acknowledges = lambda: len(writer.acknowledged) > before
        program.wait_until(acknowledges, SECONDS, "events are acknowledged again")
        writer.ended.set()
        writer.join(SECONDS)
        wanted = set(writer.acknowledged)
        assert len(wanted) > 30 * KILLS
        missing = lambda: wanted - {event["id"] for event in hooks.events}
        program.wait_until(lambda: not missing(), SECONDS, "every acknowledged event")
        repeated = len(hooks.events) - len({event["id"] for event in hooks.events})
        print(f"{len(wanted)} acknowledged, {repeated} came more than once")
