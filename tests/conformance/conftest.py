"""Fixtures: servers, and clients that are told nothing but an endpoint and credentials."""

import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import uuid

import boto3
import pytest
from botocore.config import Config

import program
import softhsm

REGION = "eu-central-1"
ACCOUNT = "000000000000"

# One test that hangs must not hold up the rest.
TEST_SECONDS = 240


def pytest_sessionfinish(session, exitstatus):
    # A filter that names no test of this suite may name one of another.
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.option.keyword:
        session.exitstatus = pytest.ExitCode.OK


@pytest.fixture(autouse=True)
def time_limit():
    def too_long(*_):
        raise TimeoutError(f"the test took more than {TEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory):
    """No setting of the machine's own AWS clients reaches the tests."""
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    nowhere = tmp_path_factory.mktemp("aws") / "none"
    patch.setenv("AWS_CONFIG_FILE", str(nowhere))
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield patch
    patch.undo()


@pytest.fixture(scope="session")
def server(clean_environment, tmp_path_factory):
    """`bulla dev` on a data directory of its own, and the environment that leads to it."""
    with program.Server.dev(tmp_path_factory.mktemp("dev") / "data") as server:
        clean_environment.setenv("AWS_ENDPOINT_URL", server.endpoint)
        clean_environment.setenv("AWS_ACCESS_KEY_ID", "test")
        clean_environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        clean_environment.setenv("AWS_DEFAULT_REGION", REGION)
        clean_environment.setenv("AWS_REGION", REGION)
        yield server


@pytest.fixture(scope="session")
def tokens(clean_environment, tmp_path_factory):
    """Tokens of SoftHSM, for CloudHSM key stores."""
    return softhsm.Tokens(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture(scope="session")
def token_server(tokens):
    with tokens.server() as server:
        yield server


@pytest.fixture(scope="session")
def kms(server):
    """An unmodified client; only the environment tells it where to go."""
    return boto3.client("kms")


@pytest.fixture(scope="session")
def aws(server):
    """The AWS CLI, unmodified: an endpoint and credentials in its environment, nothing more."""
    program = shutil.which("aws", path=str(pathlib.Path(sys.executable).parent))
    assert program, "the AWS CLI is not in the tests' environment"

    def run(*words, fails=False):
        answer = subprocess.run(
            [program, *map(str, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if fails:
            assert answer.returncode != 0, answer.stdout
            return answer.stderr
        assert answer.returncode == 0, answer.stderr
        if "text" in words:
            return answer.stdout.strip()
        return json.loads(answer.stdout) if answer.stdout.strip() else None

    return run


@pytest.fixture(scope="session")
def sts(server):
    return boto3.client("sts")


@pytest.fixture(scope="session")
def unchecked_kms(server):
    """A client that leaves the checking of parameters to the server."""
    return boto3.client("kms", config=Config(parameter_validation=False))


def client(server, service="kms", account="test", region=REGION, secret="test"):
    """A client for another account, region or server."""
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key=secret,
    )


_accounts = itertools.count(100000000001)


@pytest.fixture
def account():
    """The number of an account that nobody used before."""
    return str(next(_accounts))


@pytest.fixture
def other_account():
    return str(next(_accounts))


@pytest.fixture
def own_kms(server, account):
    """A client in an account of its own, where lists hold only what the test made."""
    return client(server, account=account)


@pytest.fixture
def iam(server, account):
    """IAM in an account of its own."""
    return client(server, "iam", account=account)


@pytest.fixture
def key(kms):
    """The ARN of a new key."""
    return new_key(kms)


def new_key(kms, **parameters):
    return kms.create_key(**parameters)["KeyMetadata"]["Arn"]


@pytest.fixture
def alias():
    return f"alias/{uuid.uuid4()}"


def missing_id():
    """A key id that is well-formed and nobody's."""
    return str(uuid.uuid4())


@pytest.fixture(scope="module")
def clock_server(clean_environment, tmp_path_factory):
    """A server whose clock a module's tests may turn."""
    with program.Server.dev(tmp_path_factory.mktemp("clock") / "data") as server:
        yield server


@pytest.fixture
def clock_kms(clock_server, account):
    return client(clock_server, account=account)


@pytest.fixture(scope="session")
def strict_server(clean_environment, tmp_path_factory):
    """`bulla init`, then `bulla serve`: `root` is the key that init issued."""
    data = tmp_path_factory.mktemp("strict") / "data"
    root = program.init(data)
    with program.Server.serve(data) as server:
        server.root = root
        yield server


@pytest.fixture(scope="session")
def strict_kms(strict_server):
    root = strict_server.root
    return client(strict_server, account=root["AccessKeyId"], secret=root["SecretAccessKey"])
