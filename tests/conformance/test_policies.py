"""Key policies are kept, checked when put, and enforced."""

import json
import textwrap

import pytest
from conftest import ACCOUNT, new_key
from expect import EXPLICIT_DENY, denied, refused

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."

DEFAULT = textwrap.dedent(
    """\
    {
      "Version" : "2012-10-17",
      "Id" : "key-default-1",
      "Statement" : [ {
        "Sid" : "Enable IAM User Permissions",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : "%s"
        },
        "Action" : "kms:*",
        "Resource" : "*"
      } ]
    }"""
)


def allow(*actions, effect="Allow", principal=ROOT, **more):
    statement = {"Effect": effect, "Principal": {"AWS": principal}, "Action": list(actions)}
    return {**statement, "Resource": "*", **more}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


ADMIN = allow("kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:DescribeKey")


def key_with(kms, *statements):
    return new_key(kms, Policy=policy(*statements))


class TestKeeping:
    def test_the_default_policy_has_aws_text(self, kms, key):
        answer = kms.get_key_policy(KeyId=key)
        assert answer["Policy"] == DEFAULT % ROOT
        assert answer["PolicyName"] == "default"

    def test_a_policy_put_is_the_policy_got(self, kms, key):
        text = policy(allow("kms:*", Sid="all"))
        kms.put_key_policy(KeyId=key, Policy=text)
        assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == json.loads(text)

    def test_a_key_can_be_born_with_a_policy(self, kms):
        text = policy(allow("kms:*", Sid="born"))
        got = kms.get_key_policy(KeyId=new_key(kms, Policy=text))["Policy"]
        assert json.loads(got) == json.loads(text)

    def test_there_is_one_policy_and_its_name_is_default(self, kms, key):
        answer = kms.list_key_policies(KeyId=key)
        assert (answer["PolicyNames"], answer["Truncated"]) == (["default"], False)
        assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]

    def test_another_policy_name_is_not_found(self, kms, key):
        with refused("NotFoundException"):
            kms.get_key_policy(KeyId=key, PolicyName="other")


class TestChecking:
    @pytest.mark.parametrize(
        "text",
        [
            "not a policy",
            "{",
            "[]",
            "{}",
            '{"Version": "2012-10-17"}',
            '{"Version": "1999-01-01", "Statement": []}',
            policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}),
            policy({"Effect": "Permit", "Principal": "*", "Action": "kms:*", "Resource": "*"}),
            policy(allow("kms:*"), 7),
        ],
    )
    def test_a_malformed_policy_is_refused_and_the_old_one_stays(self, kms, key, text):
        before = kms.get_key_policy(KeyId=key)["Policy"]
        with refused("MalformedPolicyDocumentException"):
            kms.put_key_policy(KeyId=key, Policy=text)
        with refused("MalformedPolicyDocumentException"):
            kms.create_key(Policy=text)
        assert kms.get_key_policy(KeyId=key)["Policy"] == before

    def test_a_policy_may_not_shut_its_author_out(self, kms, key):
        text = policy(allow("kms:Encrypt"))
        with refused("MalformedPolicyDocumentException", LOCKED_OUT):
            kms.put_key_policy(KeyId=key, Policy=text)
        with refused("MalformedPolicyDocumentException", LOCKED_OUT):
            kms.create_key(Policy=text)

    def test_a_deny_shuts_out_too(self, kms, key):
        text = policy(allow("kms:*"), allow("kms:PutKeyPolicy", effect="Deny"))
        with refused("MalformedPolicyDocumentException", LOCKED_OUT):
            kms.put_key_policy(KeyId=key, Policy=text)

    def test_the_author_may_ask_to_be_shut_out(self, kms, key):
        text = policy(allow("kms:Encrypt"))
        kms.put_key_policy(KeyId=key, Policy=text, BypassPolicyLockoutSafetyCheck=True)
        assert kms.encrypt(KeyId=key, Plaintext=b"x")
        with refused("AccessDeniedException", denied("kms:PutKeyPolicy", key)):
            kms.put_key_policy(KeyId=key, Policy=policy(allow("kms:*")))

    def test_a_policy_is_at_most_32_kib(self, kms, key):
        statement = allow("kms:*", Sid="a")
        at_limit = policy(statement).replace(" ", "", 1)
        padding = " " * (32768 - len(at_limit))
        kms.put_key_policy(KeyId=key, Policy=at_limit[:1] + padding + at_limit[1:])
        with refused("LimitExceededException"):
            kms.put_key_policy(KeyId=key, Policy=at_limit[:1] + padding + " " + at_limit[1:])


class TestEnforcement:
    def test_only_what_is_allowed_is_allowed(self, kms):
        key = key_with(kms, ADMIN, allow("kms:Encrypt"))
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        with refused("AccessDeniedException", denied("kms:Decrypt", key)):
            kms.decrypt(CiphertextBlob=blob, KeyId=key)
        with refused("AccessDeniedException", denied("kms:GenerateDataKey", key)):
            kms.generate_data_key(KeyId=key, KeySpec="AES_256")
        with refused("AccessDeniedException", denied("kms:DisableKey", key)):
            kms.disable_key(KeyId=key)
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"

    def test_a_deny_wins_over_an_allow(self, kms):
        key = key_with(kms, allow("kms:*"), allow("kms:Encrypt", effect="Deny"))
        with refused("AccessDeniedException", denied("kms:Encrypt", key, EXPLICIT_DENY)):
            kms.encrypt(KeyId=key, Plaintext=b"x")
        assert kms.generate_data_key(KeyId=key, KeySpec="AES_128")

    def test_wildcards_in_actions(self, kms):
        key = key_with(kms, ADMIN, allow("kms:GenerateDataKey*"))
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")
        kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
        with refused("AccessDeniedException", denied("kms:Encrypt", key)):
            kms.encrypt(KeyId=key, Plaintext=b"x")

    def test_action_names_ignore_case(self, kms):
        key = key_with(kms, ADMIN, allow("KMS:encrypt"))
        assert kms.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key

    def test_not_action_allows_the_rest(self, kms):
        rest = allow()
        del rest["Action"]
        key = key_with(kms, {**rest, "NotAction": ["kms:Decrypt"]})
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        with refused("AccessDeniedException", denied("kms:Decrypt", key)):
            kms.decrypt(CiphertextBlob=blob)

    def test_a_context_can_be_demanded(self, kms):
        condition = {"StringEquals": {"kms:EncryptionContext:project": "nile"}}
        use = allow("kms:Encrypt", "kms:Decrypt", Condition=condition)
        key = key_with(kms, ADMIN, use)
        nile = {"project": "nile", "more": "is fine"}
        blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=nile)["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=nile)["Plaintext"] == b"x"
        message = denied("kms:Encrypt", key)
        for context in ({}, {"project": "volga"}, {"project": "NILE"}, {"other": "nile"}):
            with refused("AccessDeniedException", message):
                kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)

    def test_an_encryption_algorithm_can_be_denied(self, kms):
        condition = {"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}
        deny = allow("kms:Encrypt", effect="Deny", Condition=condition)
        key = key_with(kms, allow("kms:*"), deny)
        with refused("AccessDeniedException", denied("kms:Encrypt", key, EXPLICIT_DENY)):
            kms.encrypt(KeyId=key, Plaintext=b"x")

    def test_the_alias_used_can_be_demanded(self, kms, alias):
        condition = {"StringEquals": {"kms:RequestAlias": alias}}
        admin = allow("kms:PutKeyPolicy", "kms:CreateAlias")
        key = key_with(kms, admin, allow("kms:Encrypt", Condition=condition))
        kms.create_alias(AliasName=alias, TargetKeyId=key)
        assert kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == key
        with refused("AccessDeniedException", denied("kms:Encrypt", key)):
            kms.encrypt(KeyId=key, Plaintext=b"x")

    def test_a_changed_policy_counts_at_once(self, kms, key):
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        closed = policy(allow("kms:*"), allow("kms:Decrypt", effect="Deny"))
        for _ in range(20):
            kms.put_key_policy(KeyId=key, Policy=closed)
            with refused("AccessDeniedException", denied("kms:Decrypt", key, EXPLICIT_DENY)):
                kms.decrypt(CiphertextBlob=blob)
            kms.put_key_policy(KeyId=key, Policy=policy(allow("kms:*")))
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"

    def test_re_encrypt_asks_both_keys(self, kms, key):
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        no_way_in = key_with(kms, ADMIN, allow("kms:Encrypt"))
        with refused("AccessDeniedException", denied("kms:ReEncryptTo", no_way_in)):
            kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=no_way_in)
        no_way_out = key_with(kms, ADMIN, allow("kms:Encrypt", "kms:ReEncryptTo"))
        inside = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=no_way_out)
        with refused("AccessDeniedException", denied("kms:ReEncryptFrom", no_way_out)):
            kms.re_encrypt(CiphertextBlob=inside["CiphertextBlob"], DestinationKeyId=key)

    def test_an_operator_that_is_not_known_allows_nothing(self, kms):
        condition = {"StringSomehowEquals": {"kms:EncryptionContext:a": "b"}}
        text = policy(ADMIN, allow("kms:Encrypt", Condition=condition))
        try:
            key = new_key(kms, Policy=text)
        except kms.exceptions.MalformedPolicyDocumentException:
            return
        with refused("AccessDeniedException"):
            kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"})
