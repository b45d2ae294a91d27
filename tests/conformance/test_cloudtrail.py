"""CloudTrail: events looked up, and trails whose files `aws cloudtrail validate-logs` accepts."""

import datetime
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

import bucket
import program
from conftest import REGION, client

BUCKET = "trail-bkt"


def lookup(trail, key=None, value=None, **more):
    if key:
        more["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    return trail.lookup_events(**more)["Events"]


def test_each_attribute_finds_its_events(server, account):
    kms, trail = client(server, account=account), client(server, "cloudtrail", account=account)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    [disabled] = lookup(trail, "EventName", "DisableKey")
    record = json.loads(disabled["CloudTrailEvent"])
    assert record["requestParameters"] == {"keyId": key}
    assert record["responseElements"] == {"keyId": key}
    assert disabled["Username"] == "root" and disabled["ReadOnly"] == "false"
    assert disabled["Resources"] == [{"ResourceType": "AWS::KMS::Key", "ResourceName": key}]
    for name, value, names in [
        ("ResourceName", key, ["DisableKey", "CreateKey"]),
        ("ResourceType", "AWS::KMS::Key", ["DisableKey", "CreateKey"]),
        ("EventId", disabled["EventId"], ["DisableKey"]),
        ("EventSource", "kms.amazonaws.com", ["Encrypt", "DisableKey", "CreateKey"]),
        ("AccessKeyId", account, None),
        ("Username", "root", None),
        ("ReadOnly", "false", ["DisableKey", "CreateKey"]),
    ]:
        found = [event["EventName"] for event in lookup(trail, name, value)]
        if names is None:
            assert {"DisableKey", "CreateKey", "Encrypt"} <= set(found), name
        else:
            assert found == names, name
    [failed] = lookup(trail, "EventName", "Encrypt")
    record = json.loads(failed["CloudTrailEvent"])
    assert record["errorCode"] == "DisabledException" and failed["Resources"] == []


def test_a_denial_is_recorded_without_what_was_asked_for(server, account, iam):
    iam.create_user(UserName="ana")
    made = iam.create_access_key(UserName="ana")["AccessKey"]
    kms = client(server, account=made["AccessKeyId"], secret=made["SecretAccessKey"])
    with pytest.raises(ClientError):
        kms.create_key()
    trail = client(server, "cloudtrail", account=account)
    [event] = lookup(trail, "Username", "ana")
    record = json.loads(event["CloudTrailEvent"])
    assert record["errorCode"] == "AccessDenied"
    assert record["requestParameters"] is None and "resources" not in record
    # IAM's events are in one region, wherever they were made.
    assert lookup(trail, "EventName", "CreateUser") == []
    global_trail = client(server, "cloudtrail", account=account, region="us-east-1")
    [made] = lookup(global_trail, "EventName", "CreateUser")
    assert [resource["ResourceName"] for resource in made["Resources"]][0] == "ana"


def test_events_are_paged_newest_first(server, account):
    kms, trail = client(server, account=account), client(server, "cloudtrail", account=account)
    for _ in range(60):
        kms.list_keys()
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListKeys"}],
        PaginationConfig={"PageSize": 25},
    )
    pages = [page["Events"] for page in pages]
    assert [len(page) for page in pages] == [25, 25, 10]
    times = [event["EventTime"] for page in pages for event in page]
    assert times == sorted(times, reverse=True)
    assert len({event["EventId"] for page in pages for event in page}) == 60


def test_a_new_primary_region_is_recorded_in_both_regions(server, account):
    there = "eu-north-1"
    kms = client(server, account=account)
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    kms.replicate_key(KeyId=key, ReplicaRegion=there)
    kms.update_primary_region(KeyId=key, PrimaryRegion=there)
    records = []
    for region in (REGION, there):
        trail = client(server, "cloudtrail", account=account, region=region)
        [event] = lookup(trail, "EventName", "UpdatePrimaryRegion")
        records.append(json.loads(event["CloudTrailEvent"]))
    old, new = records
    assert "invokedBy" not in old["userIdentity"] and old["resources"][0]["ARN"] == key
    assert new["userIdentity"] == {**old["userIdentity"], "invokedBy": "kms.amazonaws.com"}
    assert new["sourceIPAddress"] == new["userAgent"] == "kms.amazonaws.com"
    assert (new["awsRegion"], "resources" in new) == (there, False)
    assert new["eventID"] != old["eventID"] and new["requestID"] == old["requestID"]


def test_what_a_service_does_by_itself_is_recorded(clock_server, account):
    kms = client(clock_server, account=account)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    clock_server.advance("P91D")
    trail = client(clock_server, "cloudtrail", account=account)
    [event] = lookup(trail, "EventName", "RotateKey")
    record = json.loads(event["CloudTrailEvent"])
    assert record["eventType"] == "AwsServiceEvent"
    assert record["userIdentity"] == {"accountId": account, "invokedBy": "AWS Internal"}
    details = record["serviceEventDetails"]
    assert details["rotationType"] == "AUTOMATIC" and details["keyId"] == key.split("/")[-1]
    assert details["previousKeyMaterialId"] != details["currentKeyMaterialId"]
    assert "requestID" not in record and record["responseElements"] is None


class Trail:
    """A trail that delivers every second, and the AWS CLI that checks it."""

    def __init__(self, server, folder, account):
        self.server, self.account = server, account
        self.folder = folder / BUCKET
        self.trail = client(server, "cloudtrail", account=account)
        self.kms = client(server, account=account)
        self.started = datetime.datetime.now(datetime.timezone.utc)
        self.arn = begin(self.trail, EnableLogFileValidation=True)

    def files(self, kind):
        found = sorted((self.folder / "AWSLogs" / self.account).glob(f"{kind}/**/*.json.gz"))
        return [file for file in found if file.is_file()]

    def work_until_digests(self, count):
        def enough():
            self.kms.list_keys()
            return len(self.files("CloudTrail-Digest")) >= count

        program.wait_until(enough, 60, f"{count} digests")

    def finish(self):
        return finish(self.trail, EnableLogFileValidation=True)

    def validate(self, endpoint, until=None):
        """Exit code and output of `validate-logs`."""
        root = {"AccessKeyId": self.account, "SecretAccessKey": "test"}
        start = self.started - datetime.timedelta(minutes=2)
        return validate(self.server, self.arn, root, endpoint, (start, until))


def begin(trail, **more):
    """Makes a trail that logs; its ARN."""
    arn = trail.create_trail(Name="main", S3BucketName=BUCKET, **more)["TrailARN"]
    trail.start_logging(Name="main")
    return arn


def finish(trail, **more):
    """Ends a trail's logging and waits until all of it is delivered, the last digest too: only then
    a trail of the same name can be made. Answers how logging was stopped."""
    stopped = trail.stop_logging(Name="main")
    trail.delete_trail(Name="main")

    def is_done():
        try:
            return trail.create_trail(Name="main", S3BucketName=BUCKET, **more)
        except trail.exceptions.ConflictException:
            return None

    program.wait_until(is_done, 60, "everything is delivered")
    return stopped


def validate(server, arn, key, endpoint, span=(None, None)):
    """Exit code and output of the AWS CLI's `validate-logs`, which finds S3 at `endpoint`."""
    aws = shutil.which("aws", path=str(pathlib.Path(sys.executable).parent))
    now = datetime.datetime.now(datetime.timezone.utc)
    start, until = span[0] or now - datetime.timedelta(hours=2), span[1]
    command = [aws, "cloudtrail", "validate-logs", "--verbose", "--trail-arn", arn]
    command += ["--start-time", start.strftime("%Y-%m-%dT%H:%M:%SZ")]
    command += ["--end-time", until.strftime("%Y-%m-%dT%H:%M:%SZ")] if until else []
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def delivered(clean_environment, tmp_path_factory):
    """A trail with a chain of digests, and the folder that it delivered to."""
    folder = tmp_path_factory.mktemp("trails")
    options = ["--trails", folder, "--trail-interval", "1", "--digest-interval", "2"]
    data = tmp_path_factory.mktemp("trail-data") / "data"
    server = program.Server("dev", "--data", str(data), *map(str, options))
    with server:
        trail = Trail(server, folder, "200000000001")
        trail.work_until_digests(3)
        trail.finish()
        yield trail


@pytest.fixture
def copy(delivered, tmp_path):
    """A copy of what was delivered, to tamper with."""
    shutil.copytree(delivered.folder, tmp_path / BUCKET)
    with bucket.served(tmp_path) as endpoint:
        yield tmp_path / BUCKET, endpoint


def of_kind(folder, kind):
    return sorted(file for file in folder.glob(f"AWSLogs/*/{kind}/**/*.json.gz") if file.is_file())


def test_the_cli_accepts_the_chain(delivered, copy):
    _, endpoint = copy
    code, output = delivered.validate(endpoint)
    assert code == 0, output
    digests, files = len(delivered.files("CloudTrail-Digest")), len(delivered.files("CloudTrail"))
    assert f"{digests}/{digests} digest files valid" in output, output
    assert f"{files}/{files} log files valid" in output, output


def test_every_event_is_delivered_once(delivered):
    ids = []
    for file in delivered.files("CloudTrail"):
        ids += [event["eventID"] for event in json.loads(gzip.decompress(file.read_bytes()))["Records"]]
    events = lookup_all(delivered.trail, "ListKeys")
    assert len(ids) == len(set(ids))
    assert {event["EventId"] for event in events} <= set(ids)


def lookup_all(trail, name):
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}]
    )
    return [event for page in pages for event in page["Events"]]


def test_an_altered_log_file_is_found(delivered, copy):
    folder, endpoint = copy
    file = of_kind(folder, "CloudTrail")[0]
    whole = gzip.decompress(file.read_bytes())
    file.write_bytes(gzip.compress(whole.replace(b"ListKeys", b"ListKeyz", 1)))
    code, output = delivered.validate(endpoint)
    assert code == 1 and "INVALID: hash value doesn't match" in output, output


def test_a_missing_log_file_is_found(delivered, copy):
    folder, endpoint = copy
    of_kind(folder, "CloudTrail")[0].unlink()
    code, output = delivered.validate(endpoint)
    assert code == 1 and "INVALID: not found" in output, output


def test_an_altered_digest_is_found(delivered, copy):
    folder, endpoint = copy
    file = of_kind(folder, "CloudTrail-Digest")[1]
    digest = json.loads(gzip.decompress(file.read_bytes()))
    digest["logFiles"] = digest["logFiles"][:-1]
    file.write_bytes(gzip.compress(json.dumps(digest).encode()))
    code, output = delivered.validate(endpoint)
    assert code == 1 and "INVALID: signature verification failed" in output, output


def test_a_missing_digest_is_found(delivered, copy):
    folder, endpoint = copy
    of_kind(folder, "CloudTrail-Digest")[1].unlink()
    code, output = delivered.validate(endpoint)
    assert code == 1 and "INVALID: not found" in output, output


def test_an_inserted_digest_is_found(delivered, copy):
    """One digest put where another was, with its signature."""
    folder, endpoint = copy
    first, second = of_kind(folder, "CloudTrail-Digest")[:2]
    shutil.copy(first, second)
    shutil.copy(f"{first}.metadata", f"{second}.metadata")
    code, output = delivered.validate(endpoint)
    assert code == 1 and "INVALID: has been moved from its original location" in output, output


def test_an_inserted_log_file_is_found(delivered, copy):
    """One that no digest names is none of the trail's; one that a digest is made to name is found."""
    folder, endpoint = copy
    file = of_kind(folder, "CloudTrail")[0]
    forged = file.with_name(file.name.replace(".json.gz", "x.json.gz"))
    text = gzip.decompress(file.read_bytes()).replace(b"ListKeys", b"ListKeyz")
    forged.write_bytes(gzip.compress(text))
    digest_file = next(digest for digest in of_kind(folder, "CloudTrail-Digest") if listed(digest))
    digest = json.loads(gzip.decompress(digest_file.read_bytes()))
    entry = dict(digest["logFiles"][0], s3Object=str(forged.relative_to(folder)))
    digest["logFiles"].append(dict(entry, hashValue=hashlib.sha256(text).hexdigest()))
    digest_file.write_bytes(gzip.compress(json.dumps(digest).encode()))
    code, output = delivered.validate(endpoint)
    assert code == 1 and "INVALID: signature verification failed" in output, output


def listed(digest):
    return json.loads(gzip.decompress(digest.read_bytes()))["logFiles"]


def test_a_log_file_in_another_ones_place_is_found(delivered, copy):
    folder, endpoint = copy
    first, second = of_kind(folder, "CloudTrail")[:2]
    shutil.copy(first, second)
    code, output = delivered.validate(endpoint)
    assert code == 1 and "INVALID: hash value doesn't match" in output, output


def test_the_cli_accepts_a_day_of_traffic(clean_environment, tmp_path):
    """Log files every half hour, a digest every hour, all day; then one file is altered."""
    folder, data = tmp_path / "trails", tmp_path / "data"
    with program.Server("dev", "--data", str(data), "--trails", str(folder)) as server:
        trail = Trail(server, folder, "200000000002")
        trail.kms.list_keys()
        for hour in range(1, 25):
            for half in range(2):
                files = len(trail.files("CloudTrail"))
                trail.kms.list_keys()
                trail.kms.generate_random(NumberOfBytes=hour)
                server.advance("PT30M")
                enough = lambda: len(trail.files("CloudTrail")) > files
                program.wait_until(enough, 60, f"log file {half} of hour {hour}")
            enough = lambda: len(trail.files("CloudTrail-Digest")) >= hour - 1
            program.wait_until(enough, 60, f"the digest of hour {hour}")
        until = trail.started + datetime.timedelta(hours=25)
        with bucket.served(folder) as endpoint:
            code, output = trail.validate(endpoint, until)
            assert code == 0, output
            digests = len(trail.files("CloudTrail-Digest"))
            assert digests >= 23 and f"{digests}/{digests} digest files valid" in output, output
            names = {entry["s3Object"] for file in trail.files("CloudTrail-Digest") for entry in listed(file)}
            assert len(names) >= 46 and f"{len(names)}/{len(names)} log files valid" in output, output
            for log in names:
                records = json.loads(gzip.decompress((trail.folder / log).read_bytes()))["Records"]
                assert records, log
            altered = trail.folder / sorted(names)[len(names) // 2]
            whole = gzip.decompress(altered.read_bytes())
            altered.write_bytes(gzip.compress(whole.replace(b"ListKeys", b"ListKeyz", 1)))
            code, output = trail.validate(endpoint, until)
            assert code == 1 and "INVALID: hash value doesn't match" in output, output


def test_no_header_tells_another_address(server, account):
    """No proxy is trusted: what `X-Forwarded-For` and its like say is nobody's address."""
    kms, trail = client(server, account=account), client(server, "cloudtrail", account=account)

    def forge(request, **_):
        for name in ["X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"]:
            request.headers[name] = "203.0.113.66"
        request.headers["Forwarded"] = "for=203.0.113.66;proto=https"
        request.headers["Via"] = "1.1 proxy.example"

    kms.meta.events.register("before-send.kms.*", forge)
    kms.list_keys()
    [event] = lookup(trail, "EventName", "ListKeys")
    assert json.loads(event["CloudTrailEvent"])["sourceIPAddress"] == "127.0.0.1"
    assert "203.0.113.66" not in event["CloudTrailEvent"]


def test_trails_are_managed_by_boto3(server, account):
    trail = client(server, "cloudtrail", account=account)
    arn = trail.create_trail(
        Name="main", S3BucketName=BUCKET, TagsList=[{"Key": "team", "Value": "a"}]
    )["TrailARN"]
    assert trail.get_trail(Name=arn)["Trail"]["HomeRegion"] == REGION
    assert not trail.get_trail_status(Name="main")["IsLogging"]
    trail.start_logging(Name="main")
    assert trail.get_trail_status(Name="main")["IsLogging"]
    [described] = trail.describe_trails()["trailList"]
    assert described["S3BucketName"] == BUCKET
    [tagged] = trail.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    assert tagged["TagsList"] == [{"Key": "team", "Value": "a"}]
    trail.delete_trail(Name="main")
    with pytest.raises(ClientError) as refused:
        trail.get_trail(Name="main")
    assert refused.value.response["Error"]["Message"] == f"Unknown trail: {arn} for the user: {account}"
