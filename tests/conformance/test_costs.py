"""Costs: what the same use would cost in AWS, by Cost Explorer and by `bulla cost`."""

import concurrent.futures
import datetime
import json
import os
from fractions import Fraction

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import program
from conftest import REGION

ACCOUNT = "111122223333"
DAY = 24
# January has 31 days, in every year.
MONTH = 31 * DAY


def at(server, service, account=ACCOUNT):
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def told(fraction):
    """A number as it is told: with up to ten decimals, the last one rounded half up."""
    steps = (fraction * 10**10 + Fraction(1, 2)).__floor__()
    text = f"{steps // 10**10}.{steps % 10**10:010}"
    return text.rstrip("0").rstrip(".")


def cost_lines(server, *words, account=ACCOUNT):
    env = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
    }
    answer = program.run("cost", *words, env=env)
    assert answer.returncode == 0, answer.stderr
    assert "estimate" in answer.stderr
    return [line.split("\t") for line in answer.stdout.splitlines()]


def until_january(server):
    """Turns the clock to the next first of January; answers the year."""
    now = datetime.datetime.fromisoformat(server.advance("PT0S"))
    then = datetime.datetime(now.year + 1, 1, 1, tzinfo=datetime.timezone.utc)
    server.advance(f"PT{int((then - now).total_seconds()) + 1}S")
    return then.year


def groups(answer, *names):
    (result,) = answer["ResultsByTime"]
    return {
        tuple(group["Keys"]): tuple(group["Metrics"][name]["Amount"] for name in names)
        for group in result["Groups"]
    }


def test_a_scripted_month_costs_what_was_computed_by_hand(tmp_path, clean_environment):
    with program.Server.dev(tmp_path / "data") as server:
        year = until_january(server)
        kms, secrets = at(server, "kms"), at(server, "secretsmanager")
        rotated = kms.create_key()["KeyMetadata"]["Arn"]
        deleted = kms.create_key()["KeyMetadata"]["Arn"]
        curve = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        curve = curve["KeyMetadata"]["Arn"]
        for _ in range(50):
            kms.sign(KeyId=curve, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
        for _ in range(100):
            kms.encrypt(KeyId=rotated, Plaintext=b"x")
        server.advance("P10D")
        kms.rotate_key_on_demand(KeyId=rotated)
        # It takes ten seconds, and is done before the days go by.
        server.advance("PT11S")
        assert len(kms.list_key_rotations(KeyId=rotated)["Rotations"]) == 1
        server.advance("P5D")
        kms.schedule_key_deletion(KeyId=deleted, PendingWindowInDays=7)
        secret = secrets.create_secret(Name="s", SecretString="v")["ARN"]
        for _ in range(20):
            secrets.get_secret_value(SecretId=secret)
        server.advance("P16D")
        # What is free of calls to KMS is not used up. An hour that was begun counts.
        hours = MONTH + (MONTH - 10 * DAY) + (15 * DAY + 1) + MONTH
        keys = Fraction(hours, MONTH)
        signs = 50 * Fraction("0.000015")
        secret_cost = Fraction(MONTH - 15 * DAY, MONTH) * Fraction("0.4")
        secret_calls = 21 * Fraction("0.000005")
        period = {"Start": f"{year}-01-01", "End": f"{year}-02-01"}
        costs = at(server, "ce")
        answer = costs.get_cost_and_usage(
            TimePeriod=period,
            Granularity="MONTHLY",
            Metrics=["UnblendedCost", "AmortizedCost", "UsageQuantity"],
            GroupBy=[
                {"Type": "DIMENSION", "Key": "SERVICE"},
                {"Type": "DIMENSION", "Key": "USAGE_TYPE"},
            ],
        )
        kms_name, secrets_name = "AWS Key Management Service", "AWS Secrets Manager"
        found = groups(answer, "UnblendedCost", "AmortizedCost", "UsageQuantity")
        # What the services called themselves: a data key, and its decryption each time.
        calls = found.pop((kms_name, f"{REGION}-KMS-Requests"))
        assert calls[0] == "0" and int(calls[2]) >= 3 + 100 + 1 + 1
        assert found == {
            (kms_name, f"{REGION}-KMS-Keys"): (told(keys), told(keys), told(keys)),
            (kms_name, f"{REGION}-KMS-Requests-Asymmetric"): (told(signs), told(signs), "50"),
            (secrets_name, "EUC1-AWSSecretsManager-Secrets"): (
                told(secret_cost),
                told(secret_cost),
                told(secret_cost / Fraction("0.4")),
            ),
            (secrets_name, "EUC1-AWSSecretsManagerAPIRequest"): (
                told(secret_calls),
                told(secret_calls),
                "21",
            ),
        }
        total = told(keys + signs + secret_cost + secret_calls)
        for granularity, count in (("MONTHLY", 1), ("DAILY", 31)):
            results = costs.get_cost_and_usage(
                TimePeriod=period, Granularity=granularity, Metrics=["BlendedCost"]
            )["ResultsByTime"]
            assert len(results) == count and all(result["Estimated"] for result in results)
            amounts = [result["Total"]["BlendedCost"] for result in results]
            assert {amount["Unit"] for amount in amounts} == {"USD"}
            parts = sum(Fraction(amount["Amount"]) for amount in amounts)
            # Each day is rounded by itself.
            assert abs(parts - Fraction(total)) <= Fraction(count, 10**10)
        by_key = costs.get_cost_and_usage_with_resources(
            TimePeriod=period,
            Granularity="MONTHLY",
            Metrics=["UnblendedCost"],
            GroupBy=[{"Type": "DIMENSION", "Key": "RESOURCE_ID"}],
            Filter={"Dimensions": {"Key": "SERVICE", "Values": [kms_name]}},
        )
        of_keys = {keys[0]: amounts[0] for keys, amounts in groups(by_key, "UnblendedCost").items()}
        assert of_keys[rotated] == told(Fraction(MONTH + MONTH - 10 * DAY, MONTH))
        assert of_keys[deleted] == told(Fraction(15 * DAY + 1, MONTH))
        assert of_keys[curve] == told(1 + signs)
        lines = cost_lines(server, "--month", f"{year}-01", "--by", "key")
        assert lines[-1] == [total, "", "total"]
        assert [line[0] for line in lines if line[-1] == rotated] == [of_keys[rotated]]
        root = f"arn:aws:iam::{ACCOUNT}:root"
        by_caller = cost_lines(server, "--month", f"{year}-01", "--by", "principal")
        by_caller = {line[-1]: line[0] for line in by_caller}
        assert by_caller[root] == told(signs + secret_calls)
        assert cost_lines(server, "--by", "account", account="444455556666")[-1][0] in {"0", "0.01"}


def test_a_report_adds_up_though_asking_costs_something_itself(server, account):
    at(server, "kms", account).create_key()
    # The first report is the second one's use.
    for _ in range(2):
        *lines, (total, _, word) = cost_lines(server, account=account)
        assert word == "total" and lines
        assert told(sum(Fraction(cost) for cost, *_ in lines)) == total
    assert any("AWS Cost Explorer" in line for line in lines)


def test_filters_groups_and_values(server, account):
    kms, costs = at(server, "kms", account), at(server, "ce", account)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key, Plaintext=b"x")
    at(server, "secretsmanager", account).create_secret(Name="s", SecretString="v")
    today = datetime.datetime.fromisoformat(server.advance("PT0S")).date()
    period = {"Start": str(today), "End": str(today + datetime.timedelta(days=1))}
    ask = {"TimePeriod": period, "Granularity": "DAILY", "Metrics": ["UsageQuantity"]}
    dimension = {"Dimensions": {"Key": "OPERATION", "Values": ["Encrypt", "CreateSecret"]}}
    service = {"Dimensions": {"Key": "SERVICE", "Values": ["aws key"], "MatchOptions": [
        "STARTS_WITH", "CASE_INSENSITIVE",
    ]}}
    by_operation = [{"Type": "DIMENSION", "Key": "OPERATION"}]

    def quantities(expression, by=by_operation):
        answer = costs.get_cost_and_usage(**ask, Filter=expression, GroupBy=by)
        assert answer["GroupDefinitions"] == by
        return {keys: value for keys, (value,) in groups(answer, "UsageQuantity").items()}

    assert quantities(dimension) == {("Encrypt",): "1", ("CreateSecret",): "1"}
    assert quantities({"And": [dimension, service]}) == {("Encrypt",): "1"}
    assert quantities({"And": [dimension, {"Not": service}]}) == {("CreateSecret",): "1"}
    assert quantities({"Or": [dimension, service]}).keys() > {("Encrypt",), ("CreateSecret",)}
    tag = [{"Type": "TAG", "Key": "team"}]
    assert quantities(dimension, tag) == {("team$",): "2"}
    untagged = {"Tags": {"Key": "team", "MatchOptions": ["ABSENT"]}}
    assert quantities({"And": [dimension, untagged]}) == quantities(dimension)
    account_id = [{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}]
    assert quantities(dimension, account_id) == {(account,): "2"}
    values = costs.get_dimension_values(TimePeriod=period, Dimension="SERVICE", SearchString="AWS S")
    assert [value["Value"] for value in values["DimensionValues"]] == ["AWS Secrets Manager"]


def code_of(call, **members):
    try:
        call(**members)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def test_what_is_wrong_is_told(server, account):
    costs = at(server, "ce", account)
    today = datetime.datetime.fromisoformat(server.advance("PT0S")).date()
    day = datetime.timedelta(days=1)

    def refused(start=today, end=today + day, **members):
        ask = {"Granularity": "DAILY", "Metrics": ["UnblendedCost"], **members}
        period = {"Start": str(start), "End": str(end)}
        return code_of(costs.get_cost_and_usage, TimePeriod=period, **ask)

    assert refused() is None
    assert refused(end=today) == "ValidationException"
    assert refused(start=today - 500 * day) == "ValidationException"
    assert refused(start=today + 40 * day, end=today + 41 * day) == "DataUnavailableException"
    assert refused(Metrics=["Wishes"]) == "ValidationException"
    assert refused(GroupBy=[{"Type": "DIMENSION", "Key": "RESOURCE_ID"}]) == "ValidationException"
    assert refused(Filter={}) == "ValidationException"
    assert refused(NextPageToken="x") == "InvalidNextTokenException"
    assert refused(NextPageToken="0.x") == "RequestChangedException"
    assert refused(start="2026-02-31") == "ValidationException"


def test_whoever_may_not_ask_is_refused_and_recorded(server, account):
    iam = at(server, "iam", account)
    iam.create_user(UserName="eve")
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    costs = boto3.client(
        "ce",
        endpoint_url=server.endpoint,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    period = {"Start": "2026-11-01", "End": "2026-11-02"}
    with pytest.raises(ClientError) as failed:
        costs.get_cost_and_usage(
            TimePeriod=period, Granularity="DAILY", Metrics=["UnblendedCost"]
        )
    error = failed.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert "ce:GetCostAndUsage" in error["Message"]
    trail = at(server, "cloudtrail", account)
    named = [{"AttributeKey": "EventName", "AttributeValue": "GetCostAndUsage"}]
    (event,) = trail.lookup_events(LookupAttributes=named)["Events"]
    assert json.loads(event["CloudTrailEvent"])["errorCode"] == "AccessDenied"


def test_no_crash_loses_a_use_or_counts_it_twice(tmp_path, clean_environment):
    """Workers encrypt while the server is killed, again and again."""
    data = tmp_path / "data"
    with program.Server.dev(data) as server:
        key = at(server, "kms").create_key()["KeyMetadata"]["KeyId"]
        answered = 0
        for _ in range(5):

            def work(kms, mine=40):
                done = 0
                try:
                    for _ in range(mine):
                        kms.encrypt(KeyId=key, Plaintext=b"x")
                        done += 1
                except (ClientError, BotoCoreError):
                    pass
                return done

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                running = [pool.submit(work, at(server, "kms")) for _ in range(8)]
                concurrent.futures.wait(running, timeout=0.15)
                server.process.kill()
                answered += sum(one.result(timeout=60) for one in running)
            server.process.wait()
            server.start()
            program.wait_until(server.healthy, 60, "the server is back")
        today = datetime.datetime.fromisoformat(server.advance("PT0S")).date()
        period = {"Start": str(today.replace(day=1)), "End": str(today + datetime.timedelta(1))}
        answer = at(server, "ce").get_cost_and_usage(
            TimePeriod=period,
            Granularity="MONTHLY",
            Metrics=["UsageQuantity"],
            Filter={"Dimensions": {"Key": "OPERATION", "Values": ["Encrypt"]}},
        )
        metered = answer["ResultsByTime"][0]["Total"]["UsageQuantity"]["Amount"]
        month = str(today)[:7]
    found = program.run("audit", "search", "--data", data, "--event", "Encrypt").stdout
    recorded = [json.loads(line) for line in found.splitlines()]
    recorded = [record for record in recorded if "errorCode" not in record]
    assert int(metered) == len(recorded) >= answered > 0
    # The same is told by the data directory once no server has it.
    told_of = program.run("cost", "--data", data, "--month", month, "--by", "account").stdout
    account = next(line for line in told_of.splitlines() if line.endswith(ACCOUNT))
    assert account.split("\t")[0].startswith("0.0")
