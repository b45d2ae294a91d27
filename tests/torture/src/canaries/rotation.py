"""The function of the canaries: it rotates a secret, and otherwise answers what it was given. It
signs its calls by itself, so that it needs no library."""

import datetime
import hashlib
import hmac
import http.client
import json
import os
from urllib.parse import urlparse

REGION = os.environ["AWS_REGION"]


def call(operation, **members):
    place = urlparse(os.environ["AWS_ENDPOINT_URL"])
    body = json.dumps(members)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": place.netloc,
        "x-amz-date": now,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
        "x-amz-target": "secretsmanager." + operation,
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    digest = hashlib.sha256(body.encode()).hexdigest()
    whole = f"POST\n/\n\n{lines}\n{names}\n{digest}"
    scope = [now[:8], REGION, "secretsmanager", "aws4_request"]
    text = ["AWS4-HMAC-SHA256", now, "/".join(scope), hashlib.sha256(whole.encode()).hexdigest()]
    key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for part in [*scope, "\n".join(text)]:
        key = hmac.digest(key, part.encode(), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{'/'.join(scope)}, "
        f"SignedHeaders={names}, Signature={key.hex()}"
    )
    connection = http.client.HTTPConnection(place.netloc)
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    members = json.loads(answer.read())
    if answer.status != 200:
        # The type alone: what a program says of itself goes to its log in clear.
        raise RuntimeError(operation + " " + members["__type"])
    return members


def handler(event, context):
    if "Step" not in event:
        assert os.environ["CANARY"]
        return event
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    stages = call("DescribeSecret", SecretId=secret)["VersionIdsToStages"]
    if step == "createSecret":
        new = call("GetRandomPassword", PasswordLength=48, ExcludePunctuation=True)
        call(
            "PutSecretValue",
            SecretId=secret,
            ClientRequestToken=token,
            SecretString=new["RandomPassword"],
            VersionStages=["AWSPENDING"],
        )
    elif step == "testSecret":
        call("GetSecretValue", SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
    elif step == "finishSecret":
        [old] = [version for version, labels in stages.items() if "AWSCURRENT" in labels]
        call(
            "UpdateSecretVersionStage",
            SecretId=secret,
            VersionStage="AWSCURRENT",
            MoveToVersionId=token,
            RemoveFromVersionId=old,
        )
