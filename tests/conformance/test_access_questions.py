"""`bulla explain` and `bulla who-can` answer as the server decides."""

import json
import subprocess

import program
import pytest
from conftest import client, new_key

OWNER = "313131313131"
PARTNER = "414141414141"
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "own",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "partner",
            "Effect": "Allow",
            "Principal": {"AWS": PARTNER},
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:tenant": "a"}},
        },
        {
            "Sid": "service",
            "Effect": "Allow",
            "Principal": {"Service": "ssm.amazonaws.com"},
            "Action": "kms:Decrypt",
            "Resource": "*",
        },
        {
            "Sid": "network",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        },
    ],
}


@pytest.fixture(scope="module")
def key(server):
    kms = client(server, account=OWNER)
    key = new_key(kms, Policy=json.dumps(KEY_POLICY))
    kms.create_alias(AliasName="alias/asked", TargetKeyId=key)
    return key


def ask(server, *args, account=OWNER, ok=True):
    environment = {
        "PATH": "/usr/bin:/bin",
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    ran = subprocess.run(
        [program.binary(), *args], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode == 0) == ok, ran.stderr
    return ran.stdout if ok else ran.stderr


def explain(server, principal, *args):
    return json.loads(
        ask(server, "explain", principal, "kms:Decrypt", "alias/asked", *args, "--json")
    )


def outcomes(answer):
    statements = [of for policy in answer["Policies"] for of in policy["Statements"]]
    return {of["Sid"]: of["Outcome"] for of in statements}


class TestExplain:
    def test_a_condition_that_fails_is_named_with_its_values(self, server, key):
        answer = explain(server, PARTNER, "--context", "tenant=b")
        assert answer["Decision"] == "ImplicitlyDenied"
        assert answer["CrossAccount"] is True
        assert answer["Message"].startswith(f"User: arn:aws:iam::{PARTNER}:root is not authorized")
        assert outcomes(answer)["own"] == "OtherPrincipal"
        (partner,) = [of for of in answer["Policies"][0]["Statements"] if of["Sid"] == "partner"]
        (failed,) = partner["FailedConditions"]
        assert failed["Key"] == "kms:encryptioncontext:tenant"
        assert (failed["Operands"], failed["Values"]) == (["a"], ["b"])

    def test_the_answer_is_what_the_server_decides(self, server, key):
        assert explain(server, PARTNER, "--context", "tenant=a")["Decision"] == "Allowed"
        kms = client(server, account=OWNER)
        arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": "a"})
        opened = client(server, account=PARTNER).decrypt(
            KeyId=arn, CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"tenant": "a"}
        )
        assert opened["Plaintext"] == b"x"

    def test_what_the_request_would_hold_can_be_given(self, server, key):
        inside = explain(server, OWNER, "--with", "aws:SourceIp=192.0.2.7")
        assert inside["Decision"] == "ExplicitlyDenied"
        assert outcomes(inside)["network"] == "Applied"
        outside = explain(server, OWNER, "--with", "aws:SourceIp=198.51.100.7")
        assert outside["Decision"] == "Allowed"
        assert "aws:sourceip" in explain(server, OWNER)["MissingContextKeys"]

    def test_it_reads_as_a_short_tree(self, server, key):
        told = ask(server, "explain", PARTNER, "kms:Decrypt", "alias/asked")
        assert told.startswith(f"denied: arn:aws:iam::{PARTNER}:root kms:Decrypt arn:aws:kms:")
        assert '  - Allow "partner": a condition does not hold\n' in told

    def test_unknown_principals_and_resources_are_told(self, server, key):
        unknown = f"arn:aws:iam::{OWNER}:user/nobody"
        error = ask(server, "explain", unknown, "kms:Decrypt", "alias/asked", ok=False)
        assert "PrincipalNotFoundException" in error and unknown in error
        error = ask(server, "explain", OWNER, "kms:Decrypt", "alias/none", ok=False)
        assert "NotFoundException" in error
        error = ask(server, "explain", OWNER, "nothing:Here", "x", ok=False)
        assert "ResourceNotFoundException" in error
        assert "--context" in ask(
            server, "explain", OWNER, "kms:Decrypt", "alias/asked", "--context", "x", ok=False
        )


class TestWhoCan:
    def test_everybody_is_listed_with_path_and_provisos(self, server, key):
        lines = ask(server, "who-can", "kms:Decrypt", "alias/asked", "--json").splitlines()
        found = {one["Arn"]: one for one in map(json.loads, lines)}
        own, partner = (found[f"arn:aws:iam::{of}:root"] for of in (OWNER, PARTNER))
        assert [by["Sid"] for by in own["By"]] == ["own"]
        assert own.get("OnlyIf", []) == []
        assert [of["Basis"]["Sid"] for of in own["Unless"]] == ["network"]
        (only_if,) = partner["OnlyIf"]
        assert only_if["Conditions"] == [
            {"Operator": "StringEquals", "Key": "kms:encryptioncontext:tenant", "Operands": ["a"]}
        ]
        assert [by["Sid"] for by in found["ssm.amazonaws.com"]["By"]] == ["service"]

    def test_what_is_given_is_not_open(self, server, key):
        context = ("--context", "tenant=b", "--json")
        told = ask(server, "who-can", "kms:Decrypt", "alias/asked", *context)
        assert f"arn:aws:iam::{OWNER}:root" in told
        assert f"arn:aws:iam::{PARTNER}:root" not in told

    def test_strangers_may_not_ask(self, server, key):
        arn = client(server, account=OWNER).describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        for question in (("who-can",), ("explain", PARTNER)):
            error = ask(server, *question, "kms:Decrypt", arn, account=PARTNER, ok=False)
            assert "AccessDeniedException" in error
            assert "own" not in error and "tenant" not in error
