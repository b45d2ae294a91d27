"""Rotation code that does what it should not: the secret stays as it was, and the failure is told
in DescribeSecret, the event and the log, without the secret."""

import json
import uuid

import program
import pytest
from conftest import client

import functions
from test_functions_rotating import permit

SECONDS = 60

# What each does in its first step, and what its failure is called.
HANDLERS = {
    "hangs": ("import time; time.sleep(600)", "Sandbox.Timedout"),
    "crashes": ("import os; os.kill(os.getpid(), 11)", "Runtime.ExitError"),
    "leaves": ("import os; os._exit(3)", "Runtime.ExitError"),
    "prints megabytes": (
        "import sys\n    for _ in range(48): sys.stdout.write('x' * (1 << 20))\n    raise OSError",
        "OSError",
    ),
    "answers megabytes": ("return 'x' * (7 << 20)", "Function.ResponseSizeTooLarge"),
    "answers what is no JSON": ("return {1, 2}", "Runtime.MarshalError"),
    "answers nonsense": ("return {'Step': 'done', 'SecretId': None}", "finishSecret"),
    "forks": (
        "import os, time\n    while True:\n        if os.fork() == 0: time.sleep(600)",
        "BlockingIOError",
    ),
    "reads the server's data": (
        "import os\n    for root, _, files in os.walk(os.environ['DATA'], onerror=fail):\n"
        "        [open(os.path.join(root, name), 'rb').read() for name in files]",
        "PermissionError",
    ),
    "takes all memory": ("return len(bytearray(4 << 30))", "MemoryError"),
    "tells the secret": ("raise ValueError(os.environ['CANARY'])", "ValueError"),
}


@pytest.fixture
def secrets(server, account):
    return client(server, "secretsmanager", account=account)


@pytest.fixture
def awslambda(server, account):
    return client(server, "lambda", account=account)


@pytest.fixture
def trail(server, account):
    return client(server, "cloudtrail", account=account)


def failures(trail):
    attributes = [{"AttributeKey": "EventName", "AttributeValue": "RotationFailed"}]
    events = trail.lookup_events(LookupAttributes=attributes)["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in events]


@pytest.mark.parametrize("kind", HANDLERS)
def test_the_secret_stays_usable(server, secrets, awslambda, trail, iam, account, kind):
    body, called = HANDLERS[kind]
    canary = f"canary-{uuid.uuid4()}"
    made = secrets.create_secret(Name="db", SecretString=canary)
    code = f"import os\ndef fail(error): raise error\ndef handler(event, context):\n    {body}\n"
    variables = {"CANARY": canary, "DATA": server.argument("--data")}
    name = functions.create(
        awslambda,
        functions.role(iam),
        functions.archive({"main.py": code}),
        Timeout=20 if kind == "forks" else 5,
        Environment={"Variables": variables},
    )
    arn = awslambda.get_function_configuration(FunctionName=name)["FunctionArn"]
    permit(awslambda, arn, account)
    version = secrets.rotate_secret(
        SecretId="db", RotationLambdaARN=arn, RotationRules={"AutomaticallyAfterDays": 30}
    )["VersionId"]
    program.wait_until(lambda: failures(trail), SECONDS, "the failure is recorded")
    told = failures(trail)[0]
    assert arn in told["errorMessage"] and called in told["errorMessage"], told["errorMessage"]
    described = secrets.describe_secret(SecretId="db")
    assert described["VersionIdsToStages"] == {
        made["VersionId"]: ["AWSCURRENT"],
        version: ["AWSPENDING"],
    }
    assert "LastRotatedDate" not in described and described["RotationEnabled"]
    assert secrets.get_secret_value(SecretId="db")["SecretString"] == canary
    output = server.output()
    [line] = [line for line in output.splitlines() if made["ARN"] in line and "failed" in line][:1]
    assert called in line
    assert canary not in output and canary not in json.dumps(told)
    secrets.cancel_rotate_secret(SecretId="db")
    awslambda.delete_function(FunctionName=name)
