"""A rotation function written as AWS's documentation teaches, on a real PostgreSQL."""

import json

import program
import pytest
from botocore.exceptions import ClientError
from conftest import client
from databases import PostgreSql
from expect import refused
from iam_documents import User, policy

import functions

FIRST = "first-Pa55word"
SECONDS = 60
HANDLER = '''
import json, os, subprocess
import boto3

def psql(login, password, statement):
    env = {**os.environ, "PGPASSWORD": password}
    command = ["psql", "-h", login["host"], "-p", str(login["port"]), "-U", login["username"],
               "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt", "-c", statement]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("the database refused")

def handler(event, context):
    secrets = boto3.client("secretsmanager")
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    shown = secrets.describe_secret(SecretId=secret)
    if not shown["RotationEnabled"]:
        raise ValueError("not enabled")
    if "AWSCURRENT" in shown["VersionIdsToStages"][token]:
        return
    if "AWSPENDING" not in shown["VersionIdsToStages"][token]:
        raise ValueError("not pending")
    def login(stage, **version):
        found = secrets.get_secret_value(SecretId=secret, VersionStage=stage, **version)
        return json.loads(found["SecretString"])
    current = login("AWSCURRENT")
    if step == "createSecret":
        try:
            login("AWSPENDING", VersionId=token)
        except secrets.exceptions.ResourceNotFoundException:
            new = secrets.get_random_password(ExcludeCharacters="/@\\"'\\\\")["RandomPassword"]
            secrets.put_secret_value(
                SecretId=secret, ClientRequestToken=token, VersionStages=["AWSPENDING"],
                SecretString=json.dumps({**current, "password": new}))
    elif step == "setSecret":
        if os.environ.get("FAILS"):
            raise RuntimeError(f"it is {current['password']}")
        pending = login("AWSPENDING", VersionId=token)
        quoted = pending["password"].replace("'", "''")
        psql(current, current["password"], f"ALTER USER {current['username']} PASSWORD '{quoted}'")
    elif step == "testSecret":
        pending = login("AWSPENDING", VersionId=token)
        psql(pending, pending["password"], "SELECT now()")
    elif step == "finishSecret":
        (old,) = [v for v, s in shown["VersionIdsToStages"].items() if "AWSCURRENT" in s]
        secrets.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token,
            RemoveFromVersionId=old)
'''


@pytest.fixture(scope="module")
def database():
    database = PostgreSql()
    yield database
    database.close()


@pytest.fixture(scope="module")
def code():
    return functions.with_boto3({"main.py": HANDLER})


@pytest.fixture
def secrets(server, account):
    return client(server, "secretsmanager", account=account)


@pytest.fixture
def awslambda(server, account):
    return client(server, "lambda", account=account)


def function(awslambda, iam, secret, code, **settings):
    actions = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
    own = {
        "Effect": "Allow",
        "Action": [f"secretsmanager:{action}" for action in actions],
        "Resource": secret,
    }
    random = {"Effect": "Allow", "Action": "secretsmanager:GetRandomPassword", "Resource": "*"}
    own_policy = {"Version": "2012-10-17", "Statement": [own, random]}
    role = functions.role(iam, own_policy)
    name = functions.create(awslambda, role, code, MemorySize=256, Timeout=60, **settings)
    return awslambda.get_function_configuration(FunctionName=name)["FunctionArn"]


def permit(awslambda, arn, account):
    awslambda.add_permission(
        FunctionName=arn,
        StatementId="secrets",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=account,
    )


def test_a_function_rotates_a_real_users_password(
    server, secrets, awslambda, iam, account, database, code
):
    database.make("app", FIRST)
    login = database.secret("app", FIRST)
    secret = secrets.create_secret(Name="db", SecretString=json.dumps(login))["ARN"]
    arn = function(awslambda, iam, secret, code)
    rotate = {"SecretId": "db", "RotationLambdaARN": arn}
    rotate["RotationRules"] = {"AutomaticallyAfterDays": 30}
    with pytest.raises(ClientError) as caught:
        secrets.rotate_secret(**rotate)
    assert caught.value.response["Error"] == {
        "Code": "AccessDeniedException",
        "Message": "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
        "function policy grants access to the principal secretsmanager.amazonaws.com.",
    }
    permit(awslambda, arn, account)
    version = secrets.rotate_secret(**rotate)["VersionId"]
    done = lambda: "AWSCURRENT" in secrets.describe_secret(SecretId="db")["VersionIdsToStages"].get(
        version, []
    )
    program.wait_until(done, SECONDS, "the secret is rotated")
    found = json.loads(secrets.get_secret_value(SecretId="db")["SecretString"])
    assert found["password"] != FIRST and database.logs_in("app", found["password"])
    assert not database.logs_in("app", FIRST)


def test_a_function_that_fails_leaves_the_secret_as_it_was_and_tells_no_password(
    server, secrets, awslambda, iam, account, database, code
):
    database.make("kept", FIRST)
    login = database.secret("kept", FIRST)
    secret = secrets.create_secret(Name="kept", SecretString=json.dumps(login))["ARN"]
    arn = function(awslambda, iam, secret, code, Environment={"Variables": {"FAILS": "yes"}})
    permit(awslambda, arn, account)
    secrets.rotate_secret(
        SecretId="kept", RotationLambdaARN=arn, RotationRules={"AutomaticallyAfterDays": 30}
    )

    def told():
        data = server.argument("--data")
        answer = program.run("audit", "tail", "--data", data, "--count", "2000")
        records = [json.loads(line) for line in answer.stdout.splitlines()]
        return [
            record
            for record in records
            if record["eventName"] == "RotationFailed" and record["recipientAccountId"] == account
        ]

    program.wait_until(told, SECONDS, "the failure is recorded")
    text = told()[0]["errorMessage"]
    assert arn in text and "setSecret" in text and "RuntimeError" in text
    assert FIRST not in json.dumps(told()) and FIRST not in server.output()
    found = json.loads(secrets.get_secret_value(SecretId="kept")["SecretString"])
    assert found["password"] == FIRST and database.logs_in("kept", FIRST)


def test_whoever_asks_for_a_rotation_must_be_allowed_to_call_the_function(
    server, secrets, awslambda, iam, account
):
    secret = secrets.create_secret(Name="asked", SecretString="one")["ARN"]
    arn = function(awslambda, iam, secret, functions.archive({"main.py": functions.ECHO}))
    permit(awslambda, arn, account)
    user = User(server, iam, "asker")
    user.put(policy("secretsmanager:*"))
    rotate = {"SecretId": "asked", "RotationLambdaARN": arn, "RotateImmediately": False}
    rotate["RotationRules"] = {"AutomaticallyAfterDays": 30}
    text = (
        f"User: {user.arn} is not authorized to perform: lambda:InvokeFunction on resource: {arn} "
        "because no identity-based policy allows the lambda:InvokeFunction action"
    )
    with refused("AccessDeniedException", text):
        user.client("secretsmanager").rotate_secret(**rotate)
    assert "RotationEnabled" not in secrets.describe_secret(SecretId="asked")
    user.put(policy(["secretsmanager:*", "lambda:InvokeFunction"]))
    user.client("secretsmanager").rotate_secret(**rotate)
    secrets.cancel_rotate_secret(SecretId="asked")


def test_the_session_of_a_functions_role_is_recorded(server, secrets, awslambda, iam, account):
    role = functions.role(iam)
    name = functions.create(awslambda, role)
    assert functions.call(awslambda, name, 1) == (1, None)
    trail = client(server, "cloudtrail", account=account)
    attributes = [{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}]
    [event] = trail.lookup_events(LookupAttributes=attributes)["Events"]
    record = json.loads(event["CloudTrailEvent"])
    service = "lambda.amazonaws.com"
    assert record["userIdentity"] == {"type": "AWSService", "invokedBy": service}
    assert (record["sourceIPAddress"], record["userAgent"]) == (service, service)
    assert record["eventSource"] == "sts.amazonaws.com" and record["readOnly"]
    assert record["requestParameters"] == {"roleArn": role, "roleSessionName": name}
    credentials = record["responseElements"]["credentials"]
    assert set(credentials) == {"accessKeyId", "sessionToken", "expiration"}
    assert [one["ARN"] for one in record["resources"]] == [role]
    assert record["recipientAccountId"] == account and record["sharedEventID"]
    assert credentials["accessKeyId"].startswith("ASIA")
