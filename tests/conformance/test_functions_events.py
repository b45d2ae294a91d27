"""Functions as targets of EventBridge's rules."""

import json
import pathlib

import pytest
from conftest import client

import functions
import program
from functions import create

REGION = "us-east-1"
CODE = "def handler(event, context):\n    print('got', event['detail']['number'], event['source'])"


@pytest.fixture
def awslambda(server, account):
    return client(server, "lambda", account=account, region=REGION)


@pytest.fixture
def events(server, account):
    return client(server, "events", account=account, region=REGION)


def logged(server, name):
    found = list(pathlib.Path(server.argument("--data")).rglob(f"{name}.log"))
    return found[0].read_text() if found else ""


def put(events, number):
    entry = {"Source": "app", "DetailType": "d", "Detail": json.dumps({"number": number})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def target(events, arn, dead_letters):
    pattern = json.dumps({"source": ["app"]})
    rule = events.put_rule(Name="r", EventPattern=pattern)["RuleArn"]
    wanted = {"Id": "f", "Arn": arn, "DeadLetterConfig": {"Arn": dead_letters}}
    assert events.put_targets(Rule="r", Targets=[wanted])["FailedEntryCount"] == 0
    return rule


def test_a_rule_calls_a_function_that_lets_it(server, awslambda, events, iam, account):
    name = create(awslambda, functions.role(iam), CODE)
    arn = awslambda.get_function_configuration(FunctionName=name)["FunctionArn"]
    dead = f"arn:aws:sqs:{REGION}:{account}:dead-{name}"
    rule = target(events, arn, dead)

    def letters():
        found = list(pathlib.Path(server.argument("--data")).rglob(f"dead-{name}.jsonl"))
        return [json.loads(line) for line in found[0].read_text().splitlines()] if found else []

    # No policy lets the rule call it; then one of another rule does not either.
    put(events, 1)
    program.wait_until(lambda: len(letters()) == 1, 20, "the first dead letter")
    permission = {
        "FunctionName": name,
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
    }
    awslambda.add_permission(StatementId="other", SourceArn=f"{rule}-other", **permission)
    put(events, 2)
    program.wait_until(lambda: len(letters()) == 2, 20, "the second dead letter")
    attributes = letters()[1]["MessageAttributes"]
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS" and attributes["TARGET_ARN"] == arn
    awslambda.add_permission(
        StatementId="own", SourceArn=rule, SourceAccount=account, **permission
    )
    put(events, 3)
    program.wait_until(lambda: "got 3 app" in logged(server, name), 20, "the call")
    log = logged(server, name)
    assert "got 1" not in log and "got 2" not in log and len(letters()) == 2
