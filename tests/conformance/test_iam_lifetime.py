"""What IAM holds lives as long as the data directory, and no longer than a reset."""

import pytest
import program
from conftest import client
from expect import refused
from iam_documents import User, policy, trust


def as_root(server, service="iam"):
    root = server.root
    return client(server, service, account=root["AccessKeyId"], secret=root["SecretAccessKey"])


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_users_and_their_keys_outlive_the_program(clean_environment, tmp_path, way):
    data = tmp_path / "data"
    root = program.init(data)
    with program.Server.serve(data) as server:
        server.root = root
        user = User(server, as_root(server), "alice")
        user.put(policy("iam:GetUser"))
        server.kill() if way == "kill" else server.stop()
    with program.Server.serve(data) as server:
        server.root = root
        again = client(
            server,
            "iam",
            account=user.key["AccessKeyId"],
            secret=user.key["SecretAccessKey"],
        )
        assert again.get_user()["User"]["UserName"] == "alice"
        with refused("AccessDenied", status=403):
            again.list_users()


def test_a_reset_leaves_root_s_keys_alone(clean_environment, tmp_path):
    data = tmp_path / "data"
    root = program.init(data)
    with program.Server.dev(data) as server:
        server.root = root
        iam = as_root(server)
        user = User(server, iam, "alice")
        iam.create_role(RoleName="R", AssumeRolePolicyDocument=trust())
        iam.create_policy(PolicyName="p", PolicyDocument=policy())
        theirs = user.client("sts")
        theirs.get_caller_identity()
        server.reset()
        with refused("InvalidClientTokenId", status=403):
            theirs.get_caller_identity()
        assert iam.list_users()["Users"] == []
        assert iam.list_roles()["Roles"] == []
        assert iam.list_policies(Scope="Local")["Policies"] == []
        assert iam.get_account_summary()["SummaryMap"]["Users"] == 0
        iam.create_user(UserName="alice")


def test_no_secret_of_a_key_is_recorded(clean_environment, tmp_path):
    data = tmp_path / "data"
    root = program.init(data)
    with program.Server.serve(data) as server:
        server.root = root
        user = User(server, as_root(server), "alice")
    told = program.run("audit", "tail", "--data", data)
    assert told.returncode == 0, told.stderr
    assert "CreateAccessKey" in told.stdout and user.key["AccessKeyId"] in told.stdout
    secret = user.key["SecretAccessKey"]
    assert secret not in told.stdout
    for path in program.files_under(data):
        assert secret.encode() not in path.read_bytes(), path
