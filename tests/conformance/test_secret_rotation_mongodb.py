"""Rotations of MongoDB's users, against a scripted peer that is itself checked with pymongo."""

import json

import program
import pymongo
import pytest
from conftest import client
from mongodb_peer import Peer
from pymongo.errors import OperationFailure
from test_secret_rotation import FIRST, ROTATOR, SECONDS, ended, login_of, made, rotate, told

MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1")
ROLES = [{"role": "readWrite", "db": "shop"}]


@pytest.fixture
def peer():
    peer = Peer()
    peer.make("super", "Sup3r-password", [{"role": "root", "db": "admin"}])
    peer.make("app", FIRST, ROLES)
    yield peer
    peer.close()


@pytest.fixture
def secrets(clock_server, account):
    return client(clock_server, "secretsmanager", account=account)


def login(peer, user, password, **more):
    return {"engine": "mongo", "host": "127.0.0.1", "port": peer.port, "username": user,
            "password": password, **more}


def logs_in(peer, user, password, mechanism="SCRAM-SHA-256"):
    """Whether MongoDB's own client gets in."""
    with pymongo.MongoClient(
        "127.0.0.1", peer.port, username=user, password=password, authSource="admin",
        authMechanism=mechanism, serverSelectionTimeoutMS=5000, directConnection=True,
    ) as mongo:
        try:
            return mongo.admin.command("ping")["ok"] == 1.0
        except OperationFailure as refusal:
            assert refusal.code == 18, refusal
            return False


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_peer_is_as_strict_as_a_server(peer, mechanism):
    assert logs_in(peer, "app", FIRST, mechanism)
    assert not logs_in(peer, "app", "wrong", mechanism)
    assert not logs_in(peer, "nobody", FIRST, mechanism)
    assert ("app", mechanism) in peer.logins and peer.faults == []


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("user", ["app", "a=b,c"])
def test_a_user_changes_its_own_password(secrets, mechanism, user):
    # DocumentDB says nothing of mechanisms, and knows SHA-1 alone.
    peer = Peer((mechanism,), tells=mechanism == "SCRAM-SHA-256")
    peer.make(user, FIRST, ROLES)
    made(secrets, "db/app", login(peer, user, FIRST))
    version = rotate(secrets, "db/app", ROTATOR + "mongodb-single-user")
    ended(secrets, "db/app", version)
    password = login_of(secrets, "db/app")["password"]
    assert peer.users[user]["password"] == password != FIRST
    assert logs_in(peer, user, password, mechanism) and not logs_in(peer, user, FIRST, mechanism)
    assert {used for _, used in peer.logins} == {mechanism} and peer.faults == []
    peer.close()


def test_users_alternate(secrets, peer):
    superuser = made(secrets, "super", login(peer, "super", "Sup3r-password"),
                     Tags=[{"Key": "BullaSuperuserFor", "Value": "db/app"}])
    made(secrets, "db/app", login(peer, "app", FIRST, masterarn=superuser))
    for user in ("app_clone", "app", "app_clone"):
        version = rotate(secrets, "db/app", ROTATOR + "mongodb-alternating-users")
        ended(secrets, "db/app", version)
        now = login_of(secrets, "db/app")
        assert now["username"] == user and logs_in(peer, user, now["password"])
    assert peer.users["app_clone"]["roles"] == ROLES and peer.faults == []


def test_what_is_not_the_server_gets_no_password(clock_server, secrets, account, peer):
    """A peer that does not know the password's verifier, and one that answers nonsense."""
    peer.keys["app"]["SCRAM-SHA-256"].server = b"\0" * 32
    made(secrets, "db/app", login(peer, "app", FIRST))
    rotate(secrets, "db/app", ROTATOR + "mongodb-single-user")
    failed = program.wait_until(
        lambda: told(clock_server, account, "RotationFailed"), SECONDS, "it has failed"
    )
    assert "it does not know the password's verifier" in failed[0]["errorMessage"]
    assert peer.users["app"]["password"] == FIRST
    assert json.dumps(failed).count(FIRST) == 0
