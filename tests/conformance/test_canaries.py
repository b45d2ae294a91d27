"""Secrets that nobody else has, sent by real clients through all that keeps, moves and tells of
secrets: values and their replicas in other regions and accounts, rotations, parameters, functions,
events and exports. They are found nowhere: not in files, log, answers that fail, metrics, record.
"""

import base64
import json
import os
import subprocess

import program
import pytest
from botocore.exceptions import ClientError
from conftest import REGION, client

import functions
from test_secrets_across_accounts import key as key_for

ROUNDS = int(os.environ.get("BULLA_CANARY_ROUNDS", "6"))
HERE, ABROAD, THERE = "111111111111", "222222222222", "us-east-1"
SECONDS = 60
ROTATORS = "arn:aws:secretsmanager:::rotator/"


class Canaries:
    """What was sent, and whether some of it is in bytes: as it is, in base64, in hex."""

    def __init__(self):
        self.forms = {}
        self.count = 0

    def new(self, what):
        return self.watch(what, f"canary{os.urandom(20).hex()}")

    def watch(self, what, text):
        raw = text.encode()
        forms = [raw, raw.hex().encode(), raw.hex().upper().encode()]
        # Base64 has three forms, by what comes before; their middles don't depend on it.
        forms += [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
        self.forms.update((form[:24], what) for form in forms)
        self.count += 1
        return text

    def clear(self, place, content):
        # All forms are as long: one look at each place of the content.
        view = bytes(content)
        found = {self.forms[view[at : at + 24]] for at in range(len(view) - 23)
                 if view[at : at + 24] in self.forms}
        assert not found, f"{found} in {place}"


@pytest.fixture
def house(clean_environment, tmp_path):
    data = tmp_path / "data"
    with program.Server("dev", "--data", str(data), env={"BULLA_LOG": "trace"}) as server:
        server.data = data
        yield server


def refused(canaries, call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    canaries.clear("a refusal", json.dumps(caught.value.response, default=str).encode())


class Load:
    def __init__(self, house):
        self.house, self.canaries = house, Canaries()
        self.here = client(house, "secretsmanager", account=HERE)
        self.abroad = client(house, "secretsmanager", account=ABROAD)
        self.ssm = client(house, "ssm", account=HERE)
        self.key = key_for(client(house, account=ABROAD), ABROAD, HERE)
        self.rotated = []
        self.listen()
        iam, self.functions = (client(house, name, account=HERE) for name in ("iam", "lambda"))
        under = client(house, account=HERE).create_key()["KeyMetadata"]["Arn"]
        allow = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": under}
        role = functions.role(iam, {"Version": "2012-10-17", "Statement": allow})
        self.names = [
            functions.create(
                self.functions, role,
                Environment={"Variables": {"CANARY": self.canaries.new("a variable")}}, **more,
            )
            for more in ({}, {"KMSKeyArn": under})
        ]

    def listen(self):
        """All events go to a file, and those that nobody takes to another."""
        events = client(self.house, "events", account=HERE)
        events.put_rule(
            Name="all", EventPattern='{"source": [{"prefix": "aws."}]}',
            State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        )
        dead = {"Arn": f"arn:aws:sqs:{REGION}:{HERE}:dead"}
        events.put_targets(Rule="all", Targets=[
            {"Id": "log", "Arn": f"arn:aws:logs:{REGION}:{HERE}:log-group:all"},
            {"Id": "none", "Arn": f"arn:aws:lambda:{REGION}:{HERE}:function:none",
             "DeadLetterConfig": dead},
        ])

    def round(self, number):
        canaries, here = self.canaries, self.here
        name, value = f"app/{number}", canaries.new("a value")
        made = here.create_secret(Name=name, SecretString=value)
        here.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": THERE}])
        replica = self.abroad.create_secret(
            Name=name, CrossAccountPrimaryARN=made["ARN"], KmsKeyId=self.key
        )["ARN"]
        here.associate_cross_account_replica(
            SecretId=name, CrossAccountReplicaARN=replica, ReplicaRestriction="NoRestriction"
        )
        value = canaries.new("a replicated value")
        here.put_secret_value(SecretId=name, SecretBinary=value.encode())
        assert self.abroad.get_secret_value(SecretId=name)["SecretBinary"] == value.encode()
        other = canaries.new("a refused value")
        refused(canaries, here.create_secret, Name=name, SecretString=other)
        refused(canaries, self.abroad.put_secret_value, SecretId=name, SecretString=other)
        refused(canaries, here.put_secret_value, SecretId=name, SecretString=other,
                ClientRequestToken=made["VersionId"])
        self.turn(number)
        self.parameter(name)
        for function in self.names:
            event = {"canary": canaries.new("a payload")}
            assert functions.call(self.functions, function, event) == (event, None)
            self.functions.invoke(
                FunctionName=function, InvocationType="Event", Payload=json.dumps(event)
            )

    def turn(self, number):
        login = {"engine": "postgres", "host": "127.0.0.1", "port": 1, "username": "app",
                 "password": self.canaries.new("a password"), "ssl": False}
        for name, value, rotator in [
            (f"turn/{number}", self.canaries.new("a value before"), "password"),
            (f"down/{number}", json.dumps(login), "postgresql-single-user"),
        ]:
            self.here.create_secret(Name=name, SecretString=value)
            version = self.here.rotate_secret(
                SecretId=name, RotationLambdaARN=ROTATORS + rotator,
                RotationRules={"AutomaticallyAfterDays": 30},
            )["VersionId"]
            if rotator == "password":
                self.rotated.append((name, version))

    def parameter(self, secret):
        name, value = f"/{secret}", self.canaries.new("a parameter")
        for kind in ("SecureString", "String"):
            self.ssm.put_parameter(Name=name + kind, Value=value, Type=kind)
        refused(self.canaries, self.ssm.put_parameter, Name=name + "String",
                Value=self.canaries.new("a refused parameter"), Type="String")
        found = self.ssm.get_parameter(
            Name=f"/aws/reference/secretsmanager/turn{secret.removeprefix('app')}",
            WithDecryption=True,
        )
        assert found["Parameter"]["Value"]

    def settle(self):
        """All rotations are through, and their values known."""
        for name, version in self.rotated:

            def current():
                shown = self.here.describe_secret(SecretId=name)["VersionIdsToStages"]
                return "AWSCURRENT" in shown.get(version, [])

            program.wait_until(current, SECONDS, f"{name} is rotated")
            value = self.here.get_secret_value(SecretId=name)["SecretString"]
            self.canaries.watch("a value after", value)


def test_they_are_found_nowhere(house, tmp_path):
    load = Load(house)
    for number in range(ROUNDS):
        load.round(number)
    load.settle()
    canaries = load.canaries
    archive, raw = tmp_path / "archive", tmp_path / "raw.key"
    raw.write_bytes(os.urandom(32))
    env = {**os.environ, "AWS_ENDPOINT_URL": house.endpoint, "AWS_DEFAULT_REGION": REGION,
           "AWS_ACCESS_KEY_ID": HERE, "AWS_SECRET_ACCESS_KEY": "x"}
    words = ["export", "--secrets", "app/", "--raw-key", raw, "--raw-name", "a/b", "-o", archive]
    done = subprocess.run([program.binary(), *words], env=env, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    places = {"the export": archive.read_bytes(), "what export says": done.stdout + done.stderr,
              "the metrics": house.control("metrics")[1].encode()}
    tail = ["audit", "tail", "--data", house.data, "--count", "100000"]
    # What a service tells of itself is written down soon after the commit that it is of.
    replicated = lambda: '"ReplicationSucceeded"' in program.run(*tail).stdout
    program.wait_until(replicated, SECONDS, "a replication is recorded")
    record = program.run(*tail).stdout
    assert '"AssociateCrossAccountReplica"' in record
    places["the record"] = record.encode()
    house.stop()
    places["the log"] = house.output().encode()
    places |= {str(path): path.read_bytes() for path in house.data.rglob("*") if path.is_file()}
    told = [path for path in places if "/events/" in path]
    assert [path for path in told if "/logs/" in path] and [path for path in told if "dead" in path]
    for place, content in places.items():
        canaries.clear(place, content)
    assert canaries.count >= 10 * ROUNDS
    size = sum(map(len, places.values()))
    print(f"{canaries.count} canaries, {len(places)} places, {size} bytes: none found")


def test_they_would_be_found():
    canaries = Canaries()
    text = canaries.new("a value")
    raw = text.encode()
    for content in [raw, raw.hex().encode(), *(base64.b64encode(b"y" * n + raw) for n in range(3))]:
        with pytest.raises(AssertionError, match="a value"):
            canaries.clear("here", b"before " + content + b" after")
    canaries.clear("elsewhere", b"nothing of it")
