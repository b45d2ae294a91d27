"""Rotations of MySQL 8's users, whose passwords are kept for `caching_sha2_password`, against a
scripted peer that is itself checked with PyMySQL."""

import program
import pymysql
import pytest
from conftest import client
from mysql_peer import Peer
from test_secret_rotation import FIRST, ROTATOR, ended, login_of, made, rotate, tls

__all__ = ["tls"]


@pytest.fixture
def peer():
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def secrets(clock_server, account):
    return client(clock_server, "secretsmanager", account=account)


def login(peer, user, password, **more):
    return {"engine": "mysql", "host": "127.0.0.1", "port": peer.port, "username": user,
            "password": password, **more}


def logs_in(peer, user, password, **more):
    """Whether MySQL's other client gets in."""
    try:
        with pymysql.connect(
            host="127.0.0.1", port=peer.port, user=user, password=password, **more
        ) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchall() == (("1",),)
    except pymysql.err.OperationalError as refusal:
        assert refusal.args[0] == 1045, refusal
        return False


@pytest.mark.parametrize("way", ["rsa", "tls"])
def test_the_peer_is_as_strict_as_a_server(tls, way):
    peer = Peer(tls if way == "tls" else None)
    peer.make("app", FIRST)
    more = {"ssl": {"ca": str(tls / "server.crt"), "check_hostname": False}} if way == "tls" else {}
    assert not logs_in(peer, "app", "wrong", **more) and not logs_in(peer, "no", FIRST, **more)
    assert logs_in(peer, "app", FIRST, **more) and logs_in(peer, "app", FIRST, **more)
    assert not logs_in(peer, "app", "wrong", **more)
    assert peer.logins == [("app", way), ("app", "quick")] and peer.faults == []
    peer.close()


def test_a_user_changes_its_own_password(secrets, peer):
    peer.make("app", FIRST)
    made(secrets, "db/app", login(peer, "app", FIRST))
    for _ in range(2):
        before = login_of(secrets, "db/app")["password"]
        version = rotate(secrets, "db/app", ROTATOR + "mysql-single-user")
        ended(secrets, "db/app", version)
        password = login_of(secrets, "db/app")["password"]
        assert peer.users["app"] == password != before
        assert logs_in(peer, "app", password) and not logs_in(peer, "app", before)
    # Both the whole way, which a new password makes necessary, and the quick one.
    assert {how for _, how in peer.logins} >= {"in clear", "quick"} and peer.faults == []


def test_users_alternate(secrets, peer):
    peer.make("super", "Sup3r-password")
    peer.make("app", FIRST)
    superuser = made(secrets, "super", login(peer, "super", "Sup3r-password"),
                     Tags=[{"Key": "BullaSuperuserFor", "Value": "db/app"}])
    made(secrets, "db/app", login(peer, "app", FIRST, masterarn=superuser))
    for user in ("app_clone", "app", "app_clone"):
        version = rotate(secrets, "db/app", ROTATOR + "mysql-alternating-users")
        ended(secrets, "db/app", version)
        now = login_of(secrets, "db/app")
        assert now["username"] == user and logs_in(peer, user, now["password"])
    assert "GRANT SELECT ON `shop`.* TO `app_clone`@`%`" in peer.grants["app_clone"]
    assert peer.faults == []


def test_the_password_goes_the_whole_way_under_tls(clean_environment, tmp_path, tls):
    peer = Peer(tls)
    peer.make("app", FIRST)
    options = ["--database-ca", str(tls / "server.crt")]
    with program.Server("dev", "--data", str(tmp_path / "data"), *options) as server:
        secrets = client(server, "secretsmanager")
        made(secrets, "db/app", login(peer, "app", FIRST, host="localhost", ssl=True))
        version = rotate(secrets, "db/app", ROTATOR + "mysql-single-user")
        ended(secrets, "db/app", version)
        assert peer.users["app"] == login_of(secrets, "db/app")["password"]
    assert {how for _, how in peer.logins} == {"tls"} and peer.faults == []
    peer.close()
