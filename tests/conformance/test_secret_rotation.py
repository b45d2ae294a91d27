"""Rotations by the rotators of the house, on real databases."""

import json
import re
import socket
import subprocess
import threading
import time

import program
import pytest
from botocore.exceptions import ClientError
from conftest import client
from databases import SUPERUSER_PASSWORD, MariaDb, PostgreSql
from expect import refused

ROTATOR = "arn:aws:secretsmanager:::rotator/"
ROLE = "AWSServiceRoleForSecretsManagerRotation"
FIRST = "first-Pa55word"
SECONDS = 40


@pytest.fixture(scope="module", params=[PostgreSql, MariaDb], ids=["postgresql", "mysql"])
def database(request):
    database = request.param()
    database.rotator = ROTATOR + {"postgres": "postgresql", "mariadb": "mysql"}[database.engine]
    yield database
    database.close()


@pytest.fixture(scope="module")
def postgresql():
    database = PostgreSql()
    yield database
    database.close()


@pytest.fixture
def secrets(clock_server, account):
    return client(clock_server, "secretsmanager", account=account)


def made(secrets, name, login, **more):
    return secrets.create_secret(Name=name, SecretString=json.dumps(login), **more)["ARN"]


def rotate(secrets, name, rotator, **more):
    more = {"RotationRules": {"AutomaticallyAfterDays": 30}, **more}
    return secrets.rotate_secret(SecretId=name, RotationLambdaARN=rotator, **more)["VersionId"]


def login_of(secrets, name, **more):
    return json.loads(secrets.get_secret_value(SecretId=name, **more)["SecretString"])


def stages(secrets, name):
    by_version = secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
    return {label: version for version, labels in by_version.items() for label in labels}


def ended(secrets, name, version):
    """Waits until a version is the current one and the rotation is noted as done."""

    def is_over():
        shown = secrets.describe_secret(SecretId=name)
        current = "AWSCURRENT" in shown["VersionIdsToStages"].get(version, [])
        return current and shown.get("LastRotatedDate")

    try:
        program.wait_until(is_over, SECONDS, f"{name} is rotated")
    except AssertionError as late:
        raise AssertionError(secrets.describe_secret(SecretId=name)) from late


def told(server, account, name):
    """The service events of an account so far, by name, with what they say."""
    answer = program.run("audit", "tail", "--data", server.argument("--data"), "--count", "5000")
    assert answer.returncode == 0, answer.stderr
    records = [json.loads(line) for line in answer.stdout.splitlines()]
    return [
        record for record in records
        if record["recipientAccountId"] == account and record["eventName"] == name
    ]


class TestDatabases:
    def test_a_user_changes_its_own_password(self, secrets, database):
        user = "single"
        database.make(user, FIRST)
        made(secrets, "db/app", database.secret(user, FIRST, note="kept"))
        version = rotate(secrets, "db/app", f"{database.rotator}-single-user")
        ended(secrets, "db/app", version)
        login = login_of(secrets, "db/app")
        assert login["note"] == "kept" and login["username"] == user
        assert re.fullmatch(r"[^/@\"'\\]{32}", login["password"])
        assert database.logs_in(user, login["password"])
        assert not database.logs_in(user, FIRST)
        previous = login_of(secrets, "db/app", VersionStage="AWSPREVIOUS")
        assert previous["password"] == FIRST
        version = secrets.rotate_secret(SecretId="db/app")["VersionId"]
        ended(secrets, "db/app", version)
        assert not database.logs_in(user, login["password"])
        login = login_of(secrets, "db/app")
        assert database.logs_in(user, login["password"])
        assert login["password"] not in (database.home / "log").read_text(errors="replace")

    def test_users_alternate(self, secrets, database):
        user, rotator = "turns", f"{database.rotator}-alternating-users"
        database.make(user, FIRST)
        superuser = made(
            secrets, "db/super", database.secret(database.superuser, SUPERUSER_PASSWORD),
            Tags=[{"Key": "BullaSuperuserFor", "Value": "team/ other"}],
        )
        made(secrets, "team/app", database.secret(user, FIRST, masterarn=superuser))
        before, names = (user, FIRST), []
        for _ in range(3):
            version = rotate(secrets, "team/app", rotator)
            ended(secrets, "team/app", version)
            login = login_of(secrets, "team/app")
            names.append(login["username"])
            assert database.logs_in(login["username"], login["password"])
            # Whoever still has the one before gets in as well.
            assert database.logs_in(*before)
            before = (login["username"], login["password"])
        assert names == [f"{user}_clone", user, f"{user}_clone"]
        if database.engine == "mariadb":
            grants = database.ask(f"SHOW GRANTS FOR '{user}_clone'@'%'")
            assert "GRANT SELECT ON `shop`.*" in grants
        else:
            members = "SELECT pg_has_role('turns_clone', 'turns', 'member')"
            assert database.ask(members) == "t"

    def test_a_database_that_is_down_changes_nothing_and_is_tried_again(
        self, clock_server, secrets, account, database
    ):
        database.make("down", FIRST)
        made(secrets, "db/down", database.secret("down", FIRST))
        database.stop()
        try:
            version = rotate(secrets, "db/down", f"{database.rotator}-single-user")
            program.wait_until(
                lambda: told(clock_server, account, "RotationFailed"), SECONDS, "it has failed"
            )
            shown = secrets.describe_secret(SecretId="db/down")
            assert shown["VersionIdsToStages"][version] == ["AWSPENDING"]
            assert "LastRotatedDate" not in shown
            assert login_of(secrets, "db/down")["password"] == FIRST
            with refused("InvalidRequestException", "A previous rotation isn't complete. That "
                         "rotation will be reattempted."):
                secrets.rotate_secret(SecretId="db/down")
        finally:
            database.start()
        pending = login_of(secrets, "db/down", VersionStage="AWSPENDING")["password"]
        clock_server.advance("PT2M")
        ended(secrets, "db/down", version)
        assert login_of(secrets, "db/down")["password"] == pending
        assert database.logs_in("down", pending)
        (failed,) = told(clock_server, account, "RotationFailed")
        assert failed["eventType"] == "AwsServiceEvent" and "errorCode" not in failed
        assert "failed in the step setSecret: the database can't be reached" in (
            failed["errorMessage"]
        )
        for secret in (FIRST, pending):
            assert secret not in json.dumps(failed) and secret not in clock_server.output()

    def test_a_trial_logs_in_and_changes_nothing(self, clock_server, secrets, account, database):
        database.make("trial", FIRST)
        made(secrets, "db/trial", database.secret("trial", FIRST))
        before = stages(secrets, "db/trial")
        later = {"RotateImmediately": False}
        rotate(secrets, "db/trial", f"{database.rotator}-single-user", **later)

        def tried():
            return told(clock_server, account, "TestRotationSucceeded")

        program.wait_until(tried, SECONDS, "it was tried")
        assert stages(secrets, "db/trial") == before
        assert database.logs_in("trial", FIRST)
        secrets.put_secret_value(
            SecretId="db/trial", SecretString=json.dumps(database.secret("trial", "wrong"))
        )
        rotate(secrets, "db/trial", f"{database.rotator}-single-user", **later)

        def failed():
            return told(clock_server, account, "TestRotationFailed")

        program.wait_until(failed, SECONDS, "it was tried")
        assert "refused user and password" in failed()[0]["errorMessage"]


class Proxy:
    """A way to a database on which something happens once the client has sent some bytes."""

    def __init__(self, port, at, happens):
        self.target, self.at, self.happens = port, at, happens
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.reached = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            try:
                onward = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                stream.close()
                continue
            # When answers come nowhere any more, and when one came nevertheless.
            mute, answered = threading.Event(), threading.Event()
            ways = [(stream, onward, mute, answered), (onward, stream, mute, answered)]
            ways = [(*way, forth) for way, forth in zip(ways, (True, False))]
            for way in ways:
                threading.Thread(target=self.carry, args=way, daemon=True).start()

    def carry(self, read, write, mute, answered, forth):
        try:
            while data := read.recv(65536):
                if forth and self.happens and self.at in data:
                    if self.happens == "lost":
                        # The database gets it, and its answer comes nowhere.
                        self.happens = None
                        mute.set()
                        write.sendall(data)
                        self.reached.set()
                        assert answered.wait(SECONDS), "the database does not answer"
                        read.shutdown(socket.SHUT_RDWR)
                        return
                    self.reached.set()
                    mute.set()
                    return
                if not forth and mute.is_set():
                    answered.set()
                    return
                write.sendall(data)
        except OSError:
            pass
        finally:
            if not mute.is_set():
                write.close()

    def close(self):
        self.listener.close()


STATEMENT = {"postgres": b"ALTER USER", "mariadb": b"SET PASSWORD"}


class TestBrokenWays:
    def test_the_connection_is_lost_after_the_password_was_set(
        self, clock_server, secrets, account, database
    ):
        database.make("lost", FIRST)
        proxy = Proxy(database.port, STATEMENT[database.engine], "lost")
        login = {**database.secret("lost", FIRST), "port": proxy.port}
        made(secrets, "db/lost", login)
        version = rotate(secrets, "db/lost", f"{database.rotator}-single-user")
        program.wait_until(
            lambda: told(clock_server, account, "RotationFailed"), SECONDS, "it has failed"
        )
        pending = login_of(secrets, "db/lost", VersionStage="AWSPENDING")["password"]
        program.wait_until(
            lambda: database.logs_in("lost", pending), SECONDS, "the database took the password"
        )
        assert stages(secrets, "db/lost")["AWSCURRENT"] != version
        clock_server.advance("PT2M")
        ended(secrets, "db/lost", version)
        assert login_of(secrets, "db/lost")["password"] == pending
        proxy.close()

    def test_one_that_hangs_holds_up_no_other(self, clock_server, secrets, account, database):
        silent = socket.create_server(("127.0.0.1", 0))
        hanging = {**database.secret("x", FIRST), "port": silent.getsockname()[1]}
        made(secrets, "db/hanging", hanging)
        rotate(secrets, "db/hanging", f"{database.rotator}-single-user")
        database.make("quick", FIRST)
        made(secrets, "db/quick", database.secret("quick", FIRST))
        version = rotate(secrets, "db/quick", f"{database.rotator}-single-user")
        began = time.monotonic()
        ended(secrets, "db/quick", version)
        assert time.monotonic() - began < 8
        program.wait_until(
            lambda: told(clock_server, account, "RotationFailed"), SECONDS, "it has failed"
        )
        (failed,) = told(clock_server, account, "RotationFailed")
        assert "did not answer in time" in failed["errorMessage"]
        silent.close()


@pytest.mark.parametrize("at", [b"ALTER USER", b"SELECT 1"], ids=["the change", "a login"])
def test_kill_in_the_midst_of_a_step(clean_environment, tmp_path, postgresql, at):
    user = f"killed_{len(at)}"
    postgresql.make(user, FIRST)
    proxy = Proxy(postgresql.port, at, "hang")
    with program.Server.dev(tmp_path / "data") as server:
        secrets = client(server, "secretsmanager")
        made(secrets, "db/app", {**postgresql.secret(user, FIRST), "port": proxy.port})
        version = rotate(secrets, "db/app", ROTATOR + "postgresql-single-user")
        assert proxy.reached.wait(SECONDS)
        server.kill()
        proxy.happens = None
        server.start()
        program.wait_until(server.healthy, 30, "the server is back")
        secrets = client(server, "secretsmanager")
        ended(secrets, "db/app", version)
        assert postgresql.logs_in(user, login_of(secrets, "db/app")["password"])
        assert set(stages(secrets, "db/app").values()) >= {version}
    proxy.close()


def test_kills_at_any_time(clean_environment, tmp_path, postgresql):
    """Whenever it is killed, the password that is AWSCURRENT or AWSPENDING gets in."""
    postgresql.make("storm", FIRST)
    with program.Server.dev(tmp_path / "data") as server:
        secrets = client(server, "secretsmanager")
        made(secrets, "db/app", postgresql.secret("storm", FIRST))
        rotate(secrets, "db/app", ROTATOR + "postgresql-single-user", RotateImmediately=False)
        program.wait_until(lambda: "AWSPENDING" not in stages(secrets, "db/app"), SECONDS, "tried")
        for number in range(12):
            try:
                version = secrets.rotate_secret(SecretId="db/app")["VersionId"]
            except ClientError as refusal:
                assert refusal.response["Error"]["Code"] == "InvalidRequestException"
                version = stages(secrets, "db/app")["AWSPENDING"]
            time.sleep(0.015 * number)
            server.kill()
            server.start()
            program.wait_until(server.healthy, 30, "the server is back")
            secrets = client(server, "secretsmanager")
            ended(secrets, "db/app", version)
            assert postgresql.logs_in("storm", login_of(secrets, "db/app")["password"])


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    home = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", home / "server.key", "-out", home / "server.crt", "-subj", "/CN=db",
         "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE"],
        check=True, capture_output=True,
    )
    return home


@pytest.fixture(scope="module")
def secure(tls):
    database = PostgreSql(tls)
    yield database
    database.close()


class TestTls:
    def outcome(self, server, secrets, database, user, **login):
        database.make(user, FIRST)
        made(secrets, user, {**database.secret(user, FIRST), **login})
        rotate(secrets, user, ROTATOR + "postgresql-single-user")

        def over():
            shown = secrets.describe_secret(SecretId=user)
            failed = told(server, "000000000000", "RotationFailed")
            failed = [one["errorMessage"] for one in failed
                      if shown["ARN"] in json.dumps(one["additionalEventData"])]
            return "rotated" if "LastRotatedDate" in shown else failed[0] if failed else None

        return program.wait_until(over, SECONDS, "it is over")

    def test_certificates_are_checked(self, clean_environment, tmp_path, tls, secure):
        options = ["--database-ca", str(tls / "server.crt")]
        with program.Server("dev", "--data", str(tmp_path / "data"), *options) as server:
            secrets = client(server, "secretsmanager")
            verified = {"host": "localhost", "ssl": True}
            assert self.outcome(server, secrets, secure, "named", **verified) == "rotated"
            other = self.outcome(server, secrets, secure, "other", host="127.0.0.1", ssl=True)
            assert "the database can't be trusted" in other

    def test_strangers_are_not_trusted(self, clock_server, secure, postgresql):
        secrets = client(clock_server, "secretsmanager")
        strange = {"host": "localhost", "ssl": "true"}
        outcome = self.outcome(clock_server, secrets, secure, "strange", **strange)
        assert "the database can't be trusted" in outcome
        outcome = self.outcome(clock_server, secrets, postgresql, "bare", **strange)
        assert "it speaks no TLS" in outcome


class TestPasswords:
    @pytest.mark.parametrize("text", ["plain", '{"user": "u", "password": "p"}', "[1]"])
    def test_a_new_password(self, secrets, text):
        secrets.create_secret(Name="plain", SecretString=text)
        version = rotate(secrets, "plain", ROTATOR + "password")
        ended(secrets, "plain", version)
        value = secrets.get_secret_value(SecretId="plain")["SecretString"]
        if text.startswith("{"):
            value = json.loads(value)
            assert value["user"] == "u"
            value = value["password"]
        assert len(value) == 32 and value not in text


class TestAuthority:
    def test_the_role_acts_and_is_recorded(self, clock_server, secrets, account):
        arn = secrets.create_secret(Name="plain", SecretString="x")["ARN"]
        version = rotate(secrets, "plain", ROTATOR + "password")
        ended(secrets, "plain", version)
        iam = client(clock_server, "iam", account=account)
        role = iam.get_role(RoleName=ROLE)["Role"]
        assert role["Path"] == "/aws-service-role/rotation.secretsmanager.amazonaws.com/"
        (put,) = told(clock_server, account, "PutSecretValue")
        identity = put["userIdentity"]
        assert identity["type"] == "AssumedRole" and f"/{ROLE}/" in identity["arn"]
        assert identity["invokedBy"] == "secretsmanager.amazonaws.com"
        assert put["requestParameters"]["secretId"] == arn
        assert "secretString" not in put["requestParameters"]
        names = ["RotationStarted", "RotationSucceeded", "GetRandomPassword",
                 "UpdateSecretVersionStage"]
        assert all(len(told(clock_server, account, name)) == 1 for name in names)

    def test_what_the_role_may_not_do_fails(self, clock_server, secrets, account):
        secrets.create_secret(Name="plain", SecretString="x")
        deny = {"Version": "2012-10-17", "Statement": {
            "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:PutSecretValue",
            "Resource": "*",
            "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/*{ROLE}"}},
        }}
        secrets.put_resource_policy(SecretId="plain", ResourcePolicy=json.dumps(deny))
        rotate(secrets, "plain", ROTATOR + "password")
        program.wait_until(
            lambda: told(clock_server, account, "RotationFailed"), SECONDS, "it has failed"
        )
        (failed,) = told(clock_server, account, "RotationFailed")
        assert "PutSecretValue was refused: AccessDeniedException" in failed["errorMessage"]
        assert secrets.get_secret_value(SecretId="plain")["SecretString"] == "x"

    def test_nobody_makes_the_role_without_permission(self, clock_server, secrets, account):
        secrets.create_secret(Name="plain", SecretString="x")
        iam = client(clock_server, "iam", account=account)
        iam.create_user(UserName="u")
        allow = {"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}}
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(allow))
        key = iam.create_access_key(UserName="u")["AccessKey"]
        own = client(clock_server, "secretsmanager", key["AccessKeyId"],
                     secret=key["SecretAccessKey"])
        with refused("AccessDeniedException", re.compile(".*iam:CreateServiceLinkedRole.*")):
            rotate(own, "plain", ROTATOR + "password")
        iam.create_service_linked_role(AWSServiceName="rotation.secretsmanager.amazonaws.com")
        ended(own, "plain", rotate(own, "plain", ROTATOR + "password"))

    def test_a_superuser_is_only_for_those_it_names(
        self, clock_server, secrets, account, postgresql
    ):
        postgresql.make("mallory", FIRST)
        superuser = made(
            secrets, "super", postgresql.secret("super", SUPERUSER_PASSWORD),
            Tags=[{"Key": "BullaSuperuserFor", "Value": "team/"}],
        )
        made(secrets, "mallory", postgresql.secret("mallory", FIRST, masterarn=superuser))
        rotate(secrets, "mallory", ROTATOR + "postgresql-alternating-users")
        program.wait_until(
            lambda: told(clock_server, account, "RotationFailed"), SECONDS, "it has failed"
        )
        (failed,) = told(clock_server, account, "RotationFailed")
        assert "BullaSuperuserFor does not name the secret mallory" in failed["errorMessage"]
        assert postgresql.ask("SELECT 1 FROM pg_roles WHERE rolname = 'mallory_clone'") == ""

    def test_no_such_rotator(self, secrets):
        secrets.create_secret(Name="plain", SecretString="x")
        with refused("AccessDeniedException", re.compile(".*cannot invoke.*")):
            rotate(secrets, "plain", ROTATOR + "oracle")


def test_the_rotators_are_listed():
    answer = program.run("rotators")
    assert answer.returncode == 0
    arns = [line for line in answer.stdout.splitlines() if line.startswith("arn:")]
    assert len(arns) == 7 and ROTATOR + "postgresql-single-user" in arns
