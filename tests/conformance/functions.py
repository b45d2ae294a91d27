"""Functions for tests: archives, roles, and functions that are gone afterwards."""

import io
import json
import pathlib
import textwrap
import uuid
import zipfile

import boto3

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}

ECHO = """
def handler(event, context):
    return event
"""


def archive(files, executable=()):
    """A zip of texts by their names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o755 if name in executable else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            zipped.writestr(entry, text)
    return out.getvalue()


def python(code):
    return archive({"main.py": textwrap.dedent(code)})


def role(iam, policy=None, trust=TRUST):
    """The ARN of a new role that functions can have."""
    name = f"function-{uuid.uuid4()}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    return arn


def create(client, role, code=ECHO, **settings):
    """The name of a new function."""
    name = f"f-{uuid.uuid4()}"
    zipped = code if isinstance(code, bytes) else python(code)
    settings = {"Runtime": "python3.12", "Handler": "main.handler", "Timeout": 30, **settings}
    client.create_function(FunctionName=name, Role=role, Code={"ZipFile": zipped}, **settings)
    return name


def call(client, name, event=None, **settings):
    """What a function answers, and the name of its error."""
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event), **settings)
    payload = answer["Payload"].read()
    return (json.loads(payload) if payload else None), answer.get("FunctionError")


# A handler that signs by itself, so that its archive needs no library.
SIGNED_CALL = '''
import datetime, hashlib, hmac, http.client, json, os
from urllib.parse import urlparse

def handler(event, context):
    body = json.dumps({"KeyId": event["key"], "Plaintext": "AAAA"}
                      if event["operation"] == "Encrypt" else {"KeyId": event["key"]})
    place = urlparse(os.environ["AWS_ENDPOINT_URL"])
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    region = os.environ["AWS_REGION"]
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": place.netloc,
        "x-amz-date": now,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
        "x-amz-target": "TrentService." + event["operation"],
    }
    signed = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\\n" for name in sorted(headers))
    digest = hashlib.sha256(body.encode()).hexdigest()
    canonical = f"POST\\n/\\n\\n{lines}\\n{signed}\\n{digest}"
    scope = f"{now[:8]}/{region}/kms/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\\n{now}\\n{scope}\\n{hashed}"
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={signed}, Signature={signature}"
    )
    connection = http.client.HTTPConnection(place.netloc)
    connection.request("POST", "/", body, headers)
    return json.loads(connection.getresponse().read() or b"null")
'''


PACKAGES = ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"]
# Of the models of all of AWS's services only those that tests call.
MODELS = ["secretsmanager", "endpoints.json", "partitions.json", "_retry.json",
          "sdk-default-configuration.json"]


def with_boto3(files):
    """An archive with texts, and boto3 as a function brings it along."""
    site = pathlib.Path(boto3.__file__).parent.parent
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
        for package in PACKAGES:
            found = site / package
            for path in sorted(found.rglob("*")) if found.is_dir() else [found]:
                inner = path.relative_to(site)
                data = inner.parts[:2] == ("botocore", "data")
                wanted = not data or inner.parts[2:3] in [(model,) for model in MODELS]
                if path.is_file() and "__pycache__" not in inner.parts and wanted:
                    zipped.write(path, str(inner))
    return out.getvalue()
