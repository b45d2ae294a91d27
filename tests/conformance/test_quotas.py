"""Quotas: listed, asked for, decided, and enforced on every call."""

import concurrent.futures
import json
import os
import re
import time
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import program
from conftest import REGION, client

SYMMETRIC = "L-6E3AF000"
SYMMETRIC_NAME = "Cryptographic operations (symmetric) request rate"
TOO_FAST = (
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
)
RETRIES_OFF = Config(retries={"total_max_attempts": 1})


def at(server, service, account, config=RETRIES_OFF):
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=config,
    )


def quota(server, account, *words, fails=False):
    """`bulla quota …` as the root user of an account."""
    env = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
    }
    answer = program.run("quota", *words, env=env)
    assert (answer.returncode != 0) == fails, answer.stderr + answer.stdout
    return answer.stderr if fails else answer.stdout


def code_of(call, *args, **members):
    try:
        call(*args, **members)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def charged(server, name):
    """What became of the calls that a quota was charged with, by the server's metrics."""
    with urllib.request.urlopen(f"{server.endpoint}/_bulla/metrics", timeout=10) as answer:
        text = answer.read().decode()
    line = r'^bulla_quota_calls_total{service="[a-z]+",quota="%s",outcome="(\w+)"} (\d+)$'
    found = re.findall(line % re.escape(name), text, re.MULTILINE)
    return {"admitted": 0, "throttled": 0} | {outcome: int(count) for outcome, count in found}


def until_throttled(call, most=1_000):
    """How many calls in a row are let through, and the error after them."""
    for through in range(most):
        try:
            call()
        except ClientError as error:
            return through, error
    raise AssertionError(f"{most} calls were let through")


def test_services_and_quotas_are_listed_page_by_page(server):
    quotas = client(server, "service-quotas")
    names = {entry["ServiceCode"] for entry in quotas.list_services()["Services"]}
    assert {"kms", "secretsmanager", "ssm", "iam", "events"} <= names
    pages = quotas.get_paginator("list_service_quotas").paginate(
        ServiceCode="kms", PaginationConfig={"PageSize": 7}
    )
    pages = list(pages)
    assert all(len(page["Quotas"]) <= 7 for page in pages) and len(pages) > 3
    listed = [entry for page in pages for entry in page["Quotas"]]
    codes = [entry["QuotaCode"] for entry in listed]
    assert len(set(codes)) == len(codes) and all(re.fullmatch("L-[0-9A-F]{8}", c) for c in codes)
    found = next(entry for entry in listed if entry["QuotaCode"] == SYMMETRIC)
    assert found == {
        "ServiceCode": "kms",
        "ServiceName": "AWS Key Management Service (AWS KMS)",
        "QuotaArn": f"arn:aws:servicequotas:{REGION}:000000000000:kms/{SYMMETRIC}",
        "QuotaCode": SYMMETRIC,
        "QuotaName": SYMMETRIC_NAME,
        "Value": 20000.0,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "Period": {"PeriodValue": 1, "PeriodUnit": "SECOND"},
        "QuotaAppliedAtLevel": "ACCOUNT",
    }
    default = quotas.get_aws_default_service_quota(ServiceCode="kms", QuotaCode=SYMMETRIC)
    assert default["Quota"]["QuotaArn"] == f"arn:aws:servicequotas:{REGION}::kms/{SYMMETRIC}"


def test_a_default_is_that_of_the_region(server):
    values = [("us-east-1", 100000.0), ("eu-central-1", 20000.0), ("sa-east-1", 10000.0)]
    for region, value in values:
        quotas = client(server, "service-quotas", region=region)
        answer = quotas.get_aws_default_service_quota(ServiceCode="kms", QuotaCode=SYMMETRIC)
        assert answer["Quota"]["Value"] == value


@pytest.mark.parametrize(
    ("service", "code", "text"),
    [
        ("no-such", SYMMETRIC, "The request failed because the specified service does not exist."),
        ("kms", "L-00000000", "The request failed because the specified quota does not exist."),
    ],
)
def test_what_is_not_there_is_told(server, service, code, text):
    quotas = client(server, "service-quotas")
    calls = [quotas.get_service_quota, quotas.get_aws_default_service_quota]
    for call in calls:
        with pytest.raises(quotas.exceptions.NoSuchResourceException) as failed:
            call(ServiceCode=service, QuotaCode=code)
        assert failed.value.response["Error"]["Message"] == text
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.request_service_quota_increase(
            ServiceCode=service, QuotaCode=code, DesiredValue=1e6
        )
    with pytest.raises(quotas.exceptions.InvalidPaginationTokenException):
        quotas.list_service_quotas(ServiceCode="kms", NextToken="b1ff")


def test_dev_lets_everybody_call_as_fast_as_they_can(server, account):
    kms = at(server, "kms", account)
    for _ in range(30):
        kms.create_key()


def test_a_rate_that_is_set_holds_for_its_account_alone(server, account, other_account):
    kms = at(server, "kms", account)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert quota(server, account, "set", "kms", SYMMETRIC, "8") == "8\n"
    through, error = until_throttled(lambda: kms.encrypt(KeyId=key, Plaintext=b"x"))
    assert 8 <= through <= 40
    assert error.response["Error"] == {"Code": "ThrottlingException", "Message": TOO_FAST}
    headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert 1 <= int(headers["x-amz-retry-after"]) <= 125
    # The quota is shared by all such operations, and by nothing else.
    assert code_of(kms.generate_random, NumberOfBytes=1) == "ThrottlingException"
    kms.describe_key(KeyId=key)
    other = at(server, "kms", other_account)
    for _ in range(20):
        other.generate_random(NumberOfBytes=1)
    assert charged(server, SYMMETRIC_NAME)["throttled"] >= 2
    quota(server, account, "set", "kms", SYMMETRIC, "default")
    for _ in range(20):
        kms.encrypt(KeyId=key, Plaintext=b"x")


def test_kinds_of_keys_are_charged_apart(server, account):
    kms = at(server, "kms", account)
    rsa = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    quota(server, account, "set", "kms", "L-2AC98190", "1")
    members = {"KeyId": rsa, "Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    through, _ = until_throttled(lambda: kms.encrypt(**members), 50)
    assert 1 <= through <= 10
    kms.encrypt(KeyId=symmetric, Plaintext=b"x")
    # A data key pair is charged by its own spec, not as a use of the key that seals it.
    quota(server, account, "set", "kms", "L-D2EEB5E0", "0")
    pair = kms.generate_data_key_pair_without_plaintext
    told = [
        code_of(pair, KeyId=symmetric, KeyPairSpec=spec)
        for spec in ("ECC_NIST_P256", "ECC_NIST_P384")
    ]
    assert told == ["ThrottlingException", None]


def test_what_a_service_asks_of_kms_is_charged_to_the_caller(server, account):
    ssm = at(server, "ssm", account)
    ssm.put_parameter(Name="/p", Value="v", Type="SecureString")
    quota(server, account, "set", "kms", SYMMETRIC, "2")
    through, error = until_throttled(
        lambda: ssm.get_parameter(Name="/p", WithDecryption=True), 100
    )
    assert 2 <= through <= 20
    assert error.response["Error"]["Code"] == "ThrottlingException"
    ssm.get_parameter(Name="/p")


def test_a_resource_quota_that_is_set_holds(server, account):
    kms = at(server, "kms", account)
    kms.create_key()
    quota(server, account, "set", "kms", "L-C2F1777E", "1")
    assert code_of(kms.create_key) == "LimitExceededException"
    quota(server, account, "set", "kms", "L-C2F1777E", "2")
    kms.create_key()


def test_parameters_and_rules_go_by_what_is_set(server, account, other_account):
    ssm, events = at(server, "ssm", account), at(server, "events", account)
    quota(server, account, "set", "ssm", "L-C3B871CB", "1")
    ssm.put_parameter(Name="/one", Value="v", Type="String")
    full = code_of(ssm.put_parameter, Name="/two", Value="v", Type="String")
    assert full == "ParameterLimitExceeded"
    advanced = {"Name": "/two", "Value": "v", "Type": "String", "Tier": "Advanced"}
    quota(server, account, "set", "ssm", "L-527D1CD8", "0")
    assert code_of(ssm.put_parameter, **advanced) == "ParameterLimitExceeded"
    quota(server, account, "set", "ssm", "L-527D1CD8", "default")
    ssm.put_parameter(**advanced)
    quota(server, account, "set", "events", "L-244521F2", "1")
    rule = {"EventPattern": '{"source":["s"]}'}
    events.put_rule(Name="one", **rule)
    assert code_of(events.put_rule, Name="two", **rule) == "LimitExceededException"
    # AWS lets accounts ask for more rules, and for no more parameters.
    quotas = at(server, "service-quotas", account)
    quotas.request_service_quota_increase(
        ServiceCode="events", QuotaCode="L-244521F2", DesiredValue=2
    )
    events.put_rule(Name="two", **rule)
    with pytest.raises(quotas.exceptions.IllegalArgumentException):
        quotas.request_service_quota_increase(
            ServiceCode="ssm", QuotaCode="L-C3B871CB", DesiredValue=2
        )
    other = at(server, "ssm", other_account)
    for name in ("/one", "/two"):
        other.put_parameter(Name=name, Value="v", Type="String")


def test_in_dev_an_increase_is_granted_at_once(server, account):
    quotas = at(server, "service-quotas", account)
    members = {"ServiceCode": "kms", "QuotaCode": "L-32B67F4A"}
    asked = quotas.request_service_quota_increase(**members, DesiredValue=7)["RequestedQuota"]
    assert (asked["Status"], asked["DesiredValue"]) == ("APPROVED", 7.0)
    assert quotas.get_service_quota(**members)["Quota"]["Value"] == 7.0
    assert quotas.get_aws_default_service_quota(**members)["Quota"]["Value"] == 5.0
    with pytest.raises(quotas.exceptions.IllegalArgumentException):
        quotas.request_service_quota_increase(**members, DesiredValue=7)
    with pytest.raises(quotas.exceptions.IllegalArgumentException):
        quotas.request_service_quota_increase(
            ServiceCode="secretsmanager", QuotaCode="L-2D877201", DesiredValue=1e6
        )
    again = quotas.get_requested_service_quota_change(RequestId=asked["Id"])["RequestedQuota"]
    assert again == asked
    history = quotas.list_requested_service_quota_change_history()["RequestedQuotas"]
    assert history == [asked]
    by_quota = quotas.list_requested_service_quota_change_history_by_quota
    assert by_quota(**members)["RequestedQuotas"] == [asked]
    assert by_quota(**members, Status="PENDING")["RequestedQuotas"] == []
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_requested_service_quota_change(RequestId="f" * 32)


def test_an_operator_decides_and_it_lasts(tmp_path, clean_environment):
    members = {"ServiceCode": "kms", "QuotaCode": "L-32B67F4A"}
    account = "111122223333"
    with program.Server.dev(tmp_path / "data", "--quota-requests", "operator") as server:
        quotas = at(server, "service-quotas", account)
        asked = quotas.request_service_quota_increase(**members, DesiredValue=9)["RequestedQuota"]
        assert asked["Status"] == "PENDING"
        assert quotas.get_service_quota(**members)["Quota"]["Value"] == 5.0
        with pytest.raises(quotas.exceptions.ResourceAlreadyExistsException) as failed:
            quotas.request_service_quota_increase(**members, DesiredValue=10)
        assert "Only one open service quota increase request" in str(failed.value)
        assert quota(server, account, "requests").split("\t")[:2] == [asked["Id"], "PENDING"]
        assert quota(server, account, "approve", asked["Id"]) == "APPROVED\n"
        assert "APPROVED already" in quota(server, account, "approve", asked["Id"], fails=True)
        other = quotas.request_service_quota_increase(**members, DesiredValue=99)["RequestedQuota"]
        assert quota(server, account, "approve", "--deny", other["Id"]) == "DENIED\n"
        quota(server, account, "set", "kms", SYMMETRIC, "3")
        server.process.kill()
        server.process.wait()
        server.start()
        program.wait_until(server.healthy, 60, "the server is back")
        quotas = at(server, "service-quotas", account)
        assert quotas.get_service_quota(**members)["Quota"]["Value"] == 9.0
        kms = at(server, "kms", account)
        through, _ = until_throttled(lambda: kms.generate_random(NumberOfBytes=1))
        assert through <= 40
        listed = quota(server, account, "list", "kms")
        assert f"{SYMMETRIC}\t3\t20000\t{SYMMETRIC_NAME}" in listed


def test_with_aws_quotas_the_sixth_key_in_a_second_is_too_many(tmp_path, clean_environment):
    with program.Server.dev(tmp_path / "data", "--quotas", "aws") as server:
        kms = at(server, "kms", "111122223333")
        through, error = until_throttled(kms.create_key, 60)
        assert 5 <= through <= 30
        assert error.response["Error"]["Message"] == TOO_FAST
        quotas = at(server, "service-quotas", "111122223333")
        _, error = until_throttled(quotas.list_services, 200)
        assert error.response["Error"]["Code"] == "TooManyRequestsException"
        assert error.response["Error"]["Message"] == "Rate exceeded"
    # Throttled calls stand in the record like all others.
    told = program.run("audit", "tail", "--data", tmp_path / "data", "--count", "100000").stdout
    records = [json.loads(line) for line in told.splitlines()]
    refused = next(r for r in records if r["eventName"] == "CreateKey" and "errorCode" in r)
    assert (refused["errorCode"], refused["errorMessage"]) == ("ThrottlingException", TOO_FAST)


@pytest.mark.parametrize("mode", ["standard", "adaptive"])
def test_clients_that_back_off_all_finish(server, account, mode):
    """200 workers share a quota of 50 a second; whoever is throttled waits as botocore does."""
    workers, each, rate = 200, 2, 50
    quota(server, account, "set", "kms", SYMMETRIC, str(rate))
    before = charged(server, SYMMETRIC_NAME)
    config = Config(retries={"mode": mode, "total_max_attempts": 30})
    # A client keeps a budget of retries, which workers would take from each other.
    clients = [at(server, "kms", account, config) for _ in range(workers)]
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        calls = [
            pool.submit(lambda kms=kms: [kms.generate_random(NumberOfBytes=16) for _ in range(each)])
            for kms in clients
        ]
        values = {made["Plaintext"] for call in calls for made in call.result(timeout=120)}
    took = time.monotonic() - began
    after = charged(server, SYMMETRIC_NAME)
    admitted, throttled = (after[name] - before[name] for name in ("admitted", "throttled"))
    print(f"{mode}: {admitted} admitted, {throttled} throttled in {took:.1f} s")
    assert len(values) == admitted == workers * each
    assert throttled > 0
    assert took > (workers * each - rate) / rate * 0.98, "the rate was exceeded"
