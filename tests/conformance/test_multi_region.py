"""Multi-Region keys: one key in several regions, what is shared between them and what is not."""

import json
import os
import re
from datetime import timedelta

import pytest
from conftest import REGION, client, new_key
from expect import refused
from importing import bring, parameters

HOME, FAR, THIRD = REGION, "us-west-2", "ap-east-1"


@pytest.fixture
def at(clock_server, account):
    """Clients of the account's regions."""
    return lambda region: client(clock_server, account=account, region=region)


@pytest.fixture
def home(at):
    return at(HOME)


@pytest.fixture
def far(at):
    return at(FAR)


@pytest.fixture
def key(home):
    return new_key(home, MultiRegion=True, Description="first")


def there(arn, region=FAR):
    return arn.replace(f":{HOME}:", f":{region}:")


def replicate(kms, key, region=FAR, **more):
    return kms.replicate_key(KeyId=key, ReplicaRegion=region, **more)


def described(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]


def state(kms, key):
    return described(kms, key)["KeyState"]


def role(kms, key):
    return described(kms, key)["MultiRegionConfiguration"]["MultiRegionKeyType"]


def seal(kms, key, plaintext=b"text"):
    return kms.encrypt(KeyId=key, Plaintext=plaintext)["CiphertextBlob"]


def opened(kms, blob, **more):
    return kms.decrypt(CiphertextBlob=blob, **more)["Plaintext"]


def rotations(kms, key):
    answer = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    listed = answer["Rotations"]
    for entry in listed:
        del entry["KeyId"]
    return listed


def status(kms, key):
    answer = kms.get_key_rotation_status(KeyId=key)
    return {name: answer[name] for name in answer if name not in ("ResponseMetadata", "KeyId")}


class TestPrimary:
    def test_a_key_says_that_it_can_stand_in_many_regions(self, home, key):
        assert re.fullmatch(r"mrk-[0-9a-f]{32}", key.rsplit("/", 1)[1])
        metadata = described(home, key)
        assert metadata["MultiRegion"] is True
        assert metadata["MultiRegionConfiguration"] == {
            "MultiRegionKeyType": "PRIMARY",
            "PrimaryKey": {"Arn": key, "Region": HOME},
            "ReplicaKeys": [],
        }

    def test_other_keys_stay_where_they_are(self, home):
        single = new_key(home)
        metadata = described(home, single)
        assert metadata["MultiRegion"] is False
        assert "MultiRegionConfiguration" not in metadata
        text = f"{single} is not a multi-region primary key."
        with refused("UnsupportedOperationException", text):
            replicate(home, single)
        with refused("UnsupportedOperationException", text):
            home.update_primary_region(KeyId=single, PrimaryRegion=FAR)


class TestReplicate:
    def test_the_answer_and_what_follows(self, home, far, key):
        answer = replicate(home, key)
        metadata = answer["ReplicaKeyMetadata"]
        assert (metadata["Arn"], metadata["KeyState"]) == (there(key), "Creating")
        assert (metadata["Enabled"], metadata["Description"]) == (False, "")
        assert "CurrentKeyMaterialId" not in metadata
        assert "ReplicaTags" not in answer
        assert '"Sid" : "Enable IAM User Permissions"' in answer["ReplicaPolicy"]
        replica, primary = described(far, there(key)), described(home, key)
        assert replica["KeyState"] == "Enabled"
        assert replica["CurrentKeyMaterialId"] == primary["CurrentKeyMaterialId"]
        family = {
            "PrimaryKey": {"Arn": key, "Region": HOME},
            "ReplicaKeys": [{"Arn": there(key), "Region": FAR}],
        }
        for metadata, part in ((primary, "PRIMARY"), (replica, "REPLICA")):
            expected = {"MultiRegionKeyType": part} | family
            assert metadata["MultiRegionConfiguration"] == expected

    def test_what_is_given_is_the_replicas_own(self, home, far, key):
        tags = [{"TagKey": "place", "TagValue": "far"}]
        account = key.split(":")[4]
        policy = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                },
            }
        )
        answer = replicate(home, key, Description="second", Tags=tags, Policy=policy)
        assert answer["ReplicaTags"] == tags
        assert answer["ReplicaKeyMetadata"]["Description"] == "second"
        replica = there(key)
        assert far.get_key_policy(KeyId=replica)["Policy"] == policy
        assert far.list_resource_tags(KeyId=replica)["Tags"] == tags
        assert home.list_resource_tags(KeyId=key)["Tags"] == []
        far.create_alias(AliasName="alias/second", TargetKeyId=replica)
        assert home.list_aliases(KeyId=key)["Aliases"] == []

    def test_ciphertexts_open_in_every_region(self, home, far, key):
        early = seal(home, key)
        replicate(home, key)
        assert opened(far, early) == b"text"
        late = far.encrypt(KeyId=there(key), Plaintext=b"back", EncryptionContext={"a": "b"})
        assert opened(home, late["CiphertextBlob"], EncryptionContext={"a": "b"}) == b"back"
        with refused("NotFoundException", f"Invalid arn {HOME}"):
            opened(far, early, KeyId=key)

    @pytest.mark.parametrize(
        ("spec", "usage"),
        [("HMAC_256", "GENERATE_VERIFY_MAC"), ("ECC_NIST_P256", "SIGN_VERIFY")],
    )
    def test_other_kinds_of_keys_too(self, home, far, spec, usage):
        key = new_key(home, MultiRegion=True, KeySpec=spec, KeyUsage=usage)
        replicate(home, key)
        if usage == "SIGN_VERIFY":
            words = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
            made = home.sign(KeyId=key, **words)["Signature"]
            assert far.verify(KeyId=there(key), Signature=made, **words)["SignatureValid"]
            public = [kms.get_public_key(KeyId=k)["PublicKey"] for kms, k in
                      ((home, key), (far, there(key)))]
            assert public[0] == public[1]
        else:
            words = {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
            made = home.generate_mac(KeyId=key, **words)["Mac"]
            assert far.verify_mac(KeyId=there(key), Mac=made, **words)["MacValid"]

    def test_a_region_has_one(self, home, key):
        replicate(home, key)
        with refused("AlreadyExistsException"):
            replicate(home, key)

    def test_regions_that_cannot_have_one(self, home, key):
        with refused(
            "ValidationException",
            f"{HOME} cannot have a replica because it contains the primary.",
        ):
            replicate(home, key, HOME)
        with refused(
            "ValidationException",
            "The replica key Region must be in the same AWS partition as the primary key Region.",
        ):
            replicate(home, key, "cn-north-1")
        with refused(
            "ValidationException",
            "Region us-invalid-1 is not a valid Region or multi-Region keys are not supported in "
            "Region us-invalid-1.",
        ):
            replicate(home, key, "us-invalid-1")
        assert described(home, key)["MultiRegionConfiguration"]["ReplicaKeys"] == []

    def test_a_replica_is_not_replicated(self, home, far, key):
        replicate(home, key)
        text = f"{there(key)} is not a multi-region primary key."
        with refused("UnsupportedOperationException", text):
            replicate(far, there(key), THIRD)

    def test_what_is_not_enabled_is_not_replicated(self, home, key):
        home.disable_key(KeyId=key)
        with refused("DisabledException", f"{key} is disabled."):
            replicate(home, key)

    def test_a_policy_that_locks_its_maker_out_makes_no_replica(self, home, far, key):
        policy = json.dumps({"Version": "2012-10-17", "Statement": []})
        with refused("MalformedPolicyDocumentException"):
            replicate(home, key, Policy=policy)
        with refused("NotFoundException", f"Key '{there(key)}' does not exist"):
            described(far, there(key))
        # The same call without it goes through: nothing was left half-made.
        replicate(home, key)
        assert state(far, there(key)) == "Enabled"

    def test_state_is_each_regions_own(self, home, far, key):
        replicate(home, key)
        blob = seal(home, key)
        far.disable_key(KeyId=there(key))
        assert opened(home, blob) == b"text"
        with refused("DisabledException", f"{there(key)} is disabled."):
            opened(far, blob)


class TestPermissions:
    @pytest.fixture
    def user(self, clock_server, account):
        """Makes a user with a policy, and clients of it."""
        iam = client(clock_server, "iam", account=account)

        def make(*statements):
            name = f"user-{os.urandom(4).hex()}"
            iam.create_user(UserName=name)
            allow = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
            policy = {"Version": "2012-10-17", "Statement": [allow, *statements]}
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
            key = iam.create_access_key(UserName=name)["AccessKey"]
            return lambda region: client(
                clock_server,
                account=key["AccessKeyId"],
                secret=key["SecretAccessKey"],
                region=region,
            )

        return make

    def deny(self, action, test, name, value):
        return {
            "Effect": "Deny",
            "Action": action,
            "Resource": "*",
            "Condition": {test: {name: value}},
        }

    def test_where_a_key_may_be_copied_to(self, user, key):
        kms = user(self.deny("kms:ReplicateKey", "StringEquals", "kms:ReplicaRegion", FAR))(HOME)
        with refused("AccessDeniedException"):
            replicate(kms, key)
        replicate(kms, key, THIRD)

    def test_the_copy_is_created_in_its_region(self, user, far, key):
        elsewhere = user(self.deny("kms:CreateKey", "StringEquals", "aws:RequestedRegion", FAR))
        with refused("AccessDeniedException"):
            replicate(elsewhere(HOME), key)
        with refused("NotFoundException"):
            described(far, there(key))
        replicate(elsewhere(HOME), key, THIRD)
        copies = user(
            self.deny("kms:CreateKey", "StringEquals", "kms:MultiRegionKeyType", "REPLICA")
        )(HOME)
        with refused("AccessDeniedException"):
            replicate(copies, key)
        new_key(copies, MultiRegion=True)

    def test_where_the_primary_may_go(self, user, home, far, key):
        replicate(home, key)
        by_name = self.deny("kms:UpdatePrimaryRegion", "StringEquals", "kms:PrimaryRegion", FAR)
        by_place = self.deny(
            "kms:UpdatePrimaryRegion", "StringEquals", "aws:RequestedRegion", FAR
        )
        for statement in (by_name, by_place):
            with refused("AccessDeniedException"):
                user(statement)(HOME).update_primary_region(KeyId=key, PrimaryRegion=FAR)
        assert role(home, key) == "PRIMARY"
        user()(HOME).update_primary_region(KeyId=key, PrimaryRegion=FAR)
        assert role(far, there(key)) == "PRIMARY"

    def test_what_a_key_is_can_decide(self, user, home, key):
        single = new_key(home)
        replicate(home, key)
        by_reach = user(self.deny("kms:Encrypt", "Bool", "kms:MultiRegion", "true"))(HOME)
        seal(by_reach, single)
        with refused("AccessDeniedException"):
            seal(by_reach, key)
        by_part = user(
            self.deny("kms:Encrypt", "StringEquals", "kms:MultiRegionKeyType", "REPLICA")
        )
        seal(by_part(HOME), key)
        with refused("AccessDeniedException"):
            seal(by_part(FAR), there(key))


class TestRotation:
    def test_its_settings_are_the_primarys(self, home, far, key):
        replicate(home, key)
        home.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        shared = status(home, key)
        assert shared["RotationPeriodInDays"] == 90
        assert status(far, there(key)) == shared
        replica = there(key)
        text = f"{replica} is not a multi-region primary key."
        for call in (far.enable_key_rotation, far.disable_key_rotation, far.rotate_key_on_demand):
            with refused("UnsupportedOperationException", text):
                call(KeyId=replica)
        home.disable_key_rotation(KeyId=key)
        assert status(far, replica) == {"KeyRotationEnabled": False}

    def test_it_reaches_every_region_at_once(self, clock_server, home, far, key):
        replicate(home, key)
        old = seal(far, there(key))
        home.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        clock_server.advance("P91D")
        home.rotate_key_on_demand(KeyId=key)
        clock_server.advance("PT1M")
        listed = rotations(home, key)
        assert [entry.get("RotationType") for entry in listed] == [None, "AUTOMATIC", "ON_DEMAND"]
        assert rotations(far, there(key)) == listed
        new = seal(far, there(key))
        assert (opened(home, old), opened(home, new), opened(far, old)) == (b"text",) * 3
        current = {described(k, n)["CurrentKeyMaterialId"] for k, n in
                   ((home, key), (far, there(key)))}
        assert current == {listed[-1]["KeyMaterialId"]}

    def test_a_replica_that_comes_later_has_all_of_it(self, clock_server, home, far, key):
        old = seal(home, key)
        home.rotate_key_on_demand(KeyId=key)
        clock_server.advance("PT1M")
        replicate(home, key)
        assert rotations(far, there(key)) == rotations(home, key)
        assert opened(far, old) == b"text"


class TestPrimaryRegion:
    def test_the_primary_moves(self, clock_server, at, home, far, key):
        replicate(home, key)
        replicate(home, key, THIRD)
        home.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        shared = status(home, key)
        answer = home.update_primary_region(KeyId=key, PrimaryRegion=FAR)
        assert set(answer) == {"ResponseMetadata"}
        third = at(THIRD)
        parts = [role(home, key), role(far, there(key)), role(third, there(key, THIRD))]
        assert parts == ["REPLICA", "PRIMARY", "REPLICA"]
        family = described(third, there(key, THIRD))["MultiRegionConfiguration"]
        assert family["PrimaryKey"] == {"Arn": there(key), "Region": FAR}
        assert {entry["Region"] for entry in family["ReplicaKeys"]} == {HOME, THIRD}
        assert status(far, there(key)) == status(home, key) == shared
        with refused("UnsupportedOperationException"):
            home.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
        clock_server.advance("P91D")
        # Once, though the job was the other region's before.
        assert len(rotations(home, key)) == 2
        assert rotations(far, there(key)) == rotations(home, key)

    def test_a_rotation_under_way_goes_on(self, clock_server, home, far, key):
        replicate(home, key)
        home.rotate_key_on_demand(KeyId=key)
        home.update_primary_region(KeyId=key, PrimaryRegion=FAR)
        clock_server.advance("PT1M")
        assert [entry.get("RotationType") for entry in rotations(home, key)] == [None, "ON_DEMAND"]

    def test_only_to_a_replicas_region(self, home, far, key):
        with refused("NotFoundException", f"Key '{there(key)}' does not exist"):
            home.update_primary_region(KeyId=key, PrimaryRegion=FAR)
        with refused("ValidationException"):
            home.update_primary_region(KeyId=key, PrimaryRegion=HOME)
        replicate(home, key)
        text = f"{there(key)} is not a multi-region primary key."
        with refused("UnsupportedOperationException", text):
            far.update_primary_region(KeyId=there(key), PrimaryRegion=HOME)
        far.disable_key(KeyId=there(key))
        with refused("DisabledException", f"{there(key)} is disabled."):
            home.update_primary_region(KeyId=key, PrimaryRegion=FAR)
        assert role(home, key) == "PRIMARY"


class TestDeletion:
    def test_the_replicas_go_first(self, clock_server, home, far, key):
        replicate(home, key)
        blob = seal(home, key)
        answer = home.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        assert answer["KeyState"] == "PendingReplicaDeletion"
        assert answer["PendingWindowInDays"] == 7 and "DeletionDate" not in answer
        waiting = described(home, key)
        assert waiting["KeyState"] == "PendingReplicaDeletion"
        assert waiting["PendingDeletionWindowInDays"] == 7 and "DeletionDate" not in waiting
        text = f"{key} is pending replica deletion."
        with refused("KMSInvalidStateException", text):
            seal(home, key)
        with refused("KMSInvalidStateException", text):
            replicate(home, key, THIRD)
        clock_server.advance("P60D")
        assert state(home, key) == "PendingReplicaDeletion"
        assert opened(far, blob) == b"text"
        far.schedule_key_deletion(KeyId=there(key), PendingWindowInDays=7)
        clock_server.advance("P8D")
        with refused("NotFoundException", f"Key '{there(key)}' does not exist"):
            described(far, there(key))
        going = described(home, key)
        assert going["KeyState"] == "PendingDeletion"
        assert going["MultiRegionConfiguration"]["ReplicaKeys"] == []
        assert "PendingDeletionWindowInDays" not in going
        clock_server.advance("P8D")
        with refused("NotFoundException", f"Key '{key}' does not exist"):
            described(home, key)

    def test_it_can_be_cancelled_while_replicas_stand(self, home, key):
        replicate(home, key)
        home.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        assert home.cancel_key_deletion(KeyId=key)["KeyId"] == key
        metadata = described(home, key)
        assert metadata["KeyState"] == "Disabled"
        assert "PendingDeletionWindowInDays" not in metadata

    def test_a_region_is_free_again_after_its_replica(self, clock_server, home, far, key):
        replicate(home, key)
        far.schedule_key_deletion(KeyId=there(key), PendingWindowInDays=7)
        with refused("AlreadyExistsException"):
            replicate(home, key)
        clock_server.advance("P8D")
        assert described(home, key)["MultiRegionConfiguration"]["ReplicaKeys"] == []
        replicate(home, key)
        assert opened(far, seal(home, key)) == b"text"


class TestImport:
    @pytest.fixture
    def key(self, home):
        return new_key(home, MultiRegion=True, Origin="EXTERNAL")

    def test_each_region_is_given_the_same_material(self, home, far, key):
        with refused("KMSInvalidStateException", f"{key} is pending import."):
            replicate(home, key)
        material = os.urandom(32)
        bring(home, key, material, KeyMaterialDescription="of the primary")
        answer = replicate(home, key)["ReplicaKeyMetadata"]
        assert answer["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
        replica = there(key)
        metadata = described(far, replica)
        assert metadata["KeyState"] == "PendingImport" and "ExpirationModel" not in metadata
        (entry,) = rotations(far, replica)
        assert (entry["ImportState"], entry["KeyMaterialState"]) == ("PENDING_IMPORT", "CURRENT")
        assert entry["KeyMaterialDescription"] == "of the primary"
        blob = seal(home, key)
        with refused("KMSInvalidStateException", f"{replica} is pending import."):
            opened(far, blob, KeyId=replica)
        current = described(home, key)["CurrentKeyMaterialId"]
        expected = f"Imported key material does not have the expected identifier ({current})."
        with refused("IncorrectKeyMaterialException", expected):
            bring(far, replica, os.urandom(32))
        bring(far, replica, material)
        assert opened(far, blob) == b"text"

    def test_what_only_the_primary_takes(self, home, far, key):
        material = os.urandom(32)
        bring(home, key, material)
        replicate(home, key)
        replica = there(key)
        with refused(
            "ValidationException",
            "Key material description can only be specified on primary Multi-Region keys",
        ):
            bring(far, replica, material, KeyMaterialDescription="x")
        with refused(
            "ValidationException",
            "Input parameter ImportType NEW_KEY_MATERIAL cannot be used on replica Multi-Region "
            "keys",
        ):
            bring(far, replica, material, ImportType="NEW_KEY_MATERIAL")
        with refused("InvalidImportTokenException"):
            bring(far, replica, material, given=parameters(home, key))

    def test_new_material_is_brought_everywhere_before_it_counts(
        self, clock_server, home, far, key
    ):
        first, second = os.urandom(32), os.urandom(32)
        bring(home, key, first)
        replicate(home, key)
        replica = there(key)
        bring(far, replica, first)
        old = seal(home, key)
        new = bring(home, key, second, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
        waits = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
        for kms, name, has in ((home, key, "IMPORTED"), (far, replica, "PENDING_IMPORT")):
            entry = rotations(kms, name)[-1]
            assert (entry["ImportState"], entry["KeyMaterialState"]) == (has, waits)
        with refused(
            "KMSInvalidStateException",
            "Cannot perform key material rotation: Key material has not been imported for replicas "
            "of the Multi-Region key.",
        ):
            home.rotate_key_on_demand(KeyId=key)
        bring(far, replica, second, KeyMaterialId=new)
        assert rotations(home, key)[-1]["KeyMaterialState"] == "PENDING_ROTATION"
        home.rotate_key_on_demand(KeyId=key)
        clock_server.advance("PT1M")
        assert described(far, replica)["CurrentKeyMaterialId"] == new
        assert opened(home, seal(far, replica)) == b"text"
        assert opened(far, old) == b"text"

    def test_new_material_that_is_given_up_is_given_up_everywhere(self, home, far, key):
        first, second = os.urandom(32), os.urandom(32)
        bring(home, key, first)
        replicate(home, key)
        replica = there(key)
        bring(far, replica, first)
        new = bring(home, key, second, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
        until = parameters(far, replica)["ParametersValidTo"] + timedelta(days=30)
        bring(far, replica, second, KeyMaterialId=new, ValidTo=until)
        far.delete_imported_key_material(KeyId=replica, KeyMaterialId=new)
        assert rotations(far, replica)[-1]["ImportState"] == "PENDING_IMPORT"
        bring(far, replica, second, KeyMaterialId=new, ValidTo=until)
        home.delete_imported_key_material(KeyId=key, KeyMaterialId=new)
        assert len(rotations(far, replica)) == len(rotations(home, key)) == 1
        # As if it had never been there.
        bring(home, key, second, ImportType="NEW_KEY_MATERIAL")
        assert rotations(far, replica)[-1]["ImportState"] == "PENDING_IMPORT"

    def test_what_a_region_loses_is_its_own_loss(self, home, far, key):
        material = os.urandom(32)
        bring(home, key, material)
        replicate(home, key)
        bring(far, there(key), material)
        home.delete_imported_key_material(KeyId=key)
        assert (state(home, key), state(far, there(key))) == ("PendingImport", "Enabled")


class TestServiceLinkedRole:
    NAME = "AWSServiceRoleForKeyManagementServiceMultiRegionKeys"

    def test_the_first_key_makes_the_role(self, clock_server, account, home):
        iam = client(clock_server, "iam", account=account)
        new_key(home)
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.get_role(RoleName=self.NAME)
        new_key(home, MultiRegion=True)
        role = iam.get_role(RoleName=self.NAME)["Role"]
        assert role["Path"] == "/aws-service-role/mrk.kms.amazonaws.com/"
        trusted = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        assert "mrk.kms.amazonaws.com" in str(trusted)
        attached = iam.list_attached_role_policies(RoleName=self.NAME)["AttachedPolicies"]
        assert [policy["PolicyName"] for policy in attached] == [
            "AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy"
        ]
        new_key(home, MultiRegion=True)

    def test_who_may_not_make_the_role_makes_no_such_key(self, clock_server, account, home):
        iam = client(clock_server, "iam", account=account)
        iam.create_user(UserName="u")
        allow = {"Effect": "Allow", "Action": ["kms:*"], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": allow})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy)
        keys = iam.create_access_key(UserName="u")["AccessKey"]
        theirs = client(
            clock_server,
            account=keys["AccessKeyId"],
            secret=keys["SecretAccessKey"],
            region=HOME,
        )
        theirs.create_key()
        with refused("AccessDeniedException") as caught:
            theirs.create_key(MultiRegion=True)
        assert "iam:CreateServiceLinkedRole" in str(caught.value)
        new_key(home, MultiRegion=True)
        # Once it is there, nobody needs permission to make it.
        new_key(theirs, MultiRegion=True)
