"""A parameter's life as a target outside sees it: every step, in order, through a `kill -9`."""

import datetime
import json

import pytest
from conftest import ACCOUNT, REGION, client
from hooks import Hooks

import program

SECONDS = 60
ARN = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/token"


@pytest.fixture
def hooks():
    with Hooks() as hooks:
        yield hooks


def listen(server, hooks):
    events = client(server, "events")
    connection = events.create_connection(
        Name="hooks",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "word"}},
    )
    destination = events.create_api_destination(
        Name="hooks",
        ConnectionArn=connection["ConnectionArn"],
        InvocationEndpoint=hooks.url + "/in",
        HttpMethod="POST",
    )
    events.put_rule(Name="parameters", EventPattern='{"source": ["aws.ssm"]}')
    target = {"Id": "hooks", "Arn": destination["ApiDestinationArn"]}
    events.put_targets(Rule="parameters", Targets=[target])


def policies():
    """Expires in three days; one day before, a notification."""
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)
    expiration = {"Timestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    before = {"Before": "1", "Unit": "Days"}
    return [
        {"Type": "Expiration", "Version": "1.0", "Attributes": expiration},
        {"Type": "ExpirationNotification", "Version": "1.0", "Attributes": before},
    ]


def steps(hooks):
    """Each event once, by when it first came, as the operation or policy it tells of."""
    first = {event["id"]: event for event in hooks.events}
    return [
        event["detail"].get("operation") or event["detail"]["policy-type"]
        for event in first.values()
    ]


def test_a_parameter_that_expires_tells_a_target_every_step_in_order(clean_environment, tmp_path, hooks):
    with program.Server.dev(tmp_path / "data") as server:
        listen(server, hooks)
        expiration, notification = policies()
        ssm = client(server, "ssm")
        put = {"Name": "/app/token", "Value": "v1", "Type": "SecureString", "Tier": "Advanced"}
        ssm.put_parameter(**put, Policies=json.dumps([expiration, notification]))
        ssm.put_parameter(**{**put, "Value": "v2"}, Overwrite=True)
        ssm.label_parameter_version(Name="/app/token", Labels=["live"])
        program.wait_until(lambda: len(steps(hooks)) == 3, SECONDS, "the changes")
        # The target refuses the notification, and the server dies before it tries again.
        hooks.answer(500)
        seen = len(hooks.requests)
        server.advance("P2DT1H")
        program.wait_until(lambda: len(hooks.requests) > seen, SECONDS, "the notification")
        server.kill()
        server.start()
        program.wait_until(server.healthy, SECONDS, "the server is up again")
        server.advance("P2DT2H")
        server.advance("P1D")
        program.wait_until(lambda: len(steps(hooks)) == 6, SECONDS, "the end")
    assert steps(hooks) == [
        "Create",
        "Update",
        "LabelParameterVersion",
        "ExpirationNotification",
        "Expiration",
        "Delete",
    ]
    for event in hooks.events:
        assert (event["source"], event["account"], event["region"]) == ("aws.ssm", ACCOUNT, REGION)
        assert event["resources"] == [ARN]
        assert "v1" not in json.dumps(event["detail"])
    by_step = dict(zip(steps(hooks), {event["id"]: event for event in hooks.events}.values()))
    assert by_step["Create"]["detail-type"] == "Parameter Store Change"
    assert by_step["LabelParameterVersion"]["detail"] == {
        "operation": "LabelParameterVersion",
        "name": "/app/token",
        "type": "SecureString",
        "label": "live",
        "fromVersion": "",
        "toVersion": "2",
    }
    end = by_step["Expiration"]
    assert end["detail-type"] == "Parameter Store Policy Action"
    content = json.loads(end["detail"].pop("policy-content"))
    assert content == expiration
    assert end["detail"] == {
        "policy-type": "Expiration",
        "parameter-name": "/app/token",
        "parameter-type": "SecureString",
        "action-status": "SUCCESS",
        "action-reason": "Parameter expired and was deleted",
    }
