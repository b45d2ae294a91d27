"""Rotation: new material, old ciphertexts open for ever."""

from datetime import datetime, timedelta, timezone

import pytest
from conftest import new_key
from expect import ONE, refused


def material(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]


def seal(kms, key, plaintext):
    return kms.encrypt(KeyId=key, Plaintext=plaintext)["CiphertextBlob"]


def status(kms, key):
    answer = kms.get_key_rotation_status(KeyId=key)
    del answer["ResponseMetadata"]
    return answer


def is_about(date, expected):
    return abs(date - expected) < timedelta(minutes=2)


class TestSettings:
    def test_rotation_is_off_at_first(self, kms, key):
        assert status(kms, key) == {"KeyId": key, "KeyRotationEnabled": False}

    def test_rotation_is_yearly_unless_said_otherwise(self, kms, key):
        kms.enable_key_rotation(KeyId=key)
        answer = status(kms, key)
        due = answer.pop("NextRotationDate")
        assert is_about(due, datetime.now(timezone.utc) + timedelta(days=365))
        assert answer == {"KeyId": key, "KeyRotationEnabled": True, "RotationPeriodInDays": 365}

    def test_a_new_period_counts_from_now(self, kms, key):
        kms.enable_key_rotation(KeyId=key)
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        answer = status(kms, key)
        assert answer["RotationPeriodInDays"] == 90
        expected = datetime.now(timezone.utc) + timedelta(days=90)
        assert is_about(answer["NextRotationDate"], expected)

    def test_enabling_again_without_a_period_changes_nothing(self, kms, key):
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=2560)
        before = status(kms, key)
        kms.enable_key_rotation(KeyId=key)
        assert status(kms, key) == before

    def test_disabling_forgets_the_period(self, kms, key):
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        kms.disable_key_rotation(KeyId=key)
        assert status(kms, key) == {"KeyId": key, "KeyRotationEnabled": False}

    def test_disabling_what_is_off_is_no_error(self, kms, key):
        kms.disable_key_rotation(KeyId=key)

    @pytest.mark.parametrize(
        "days, bound", [(89, "greater than or equal to 90"), (2561, "less than or equal to 2560")]
    )
    def test_a_period_has_bounds(self, unchecked_kms, key, days, bound):
        message = (
            f"{ONE}Value '{days}' at 'rotationPeriodInDays' failed to satisfy constraint: "
            f"Member must have value {bound}"
        )
        with refused("ValidationException", message):
            unchecked_kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=days)

    def test_a_disabled_key_takes_no_settings(self, kms, key):
        kms.disable_key(KeyId=key)
        for call in (kms.enable_key_rotation, kms.rotate_key_on_demand):
            with refused("DisabledException", f"{key} is disabled."):
                call(KeyId=key)

    def test_a_new_key_has_one_material_and_no_rotations(self, kms, key):
        answer = kms.list_key_rotations(KeyId=key)
        assert (answer["Rotations"], answer["Truncated"]) == ([], False)
        every = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
        assert every["Rotations"] == [
            {"KeyId": key, "KeyMaterialId": material(kms, key), "KeyMaterialState": "CURRENT"}
        ]


class TestAutomatic:
    def test_a_period_that_passes_brings_new_material(self, clock_server, clock_kms):
        kms, key = clock_kms, new_key(clock_kms)
        first = material(kms, key)
        blob = seal(kms, key, b"before")
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        due = status(kms, key)["NextRotationDate"]
        clock_server.advance("P89D")
        assert material(kms, key) == first
        clock_server.advance("P2D")
        second = material(kms, key)
        assert second != first
        opened = kms.decrypt(CiphertextBlob=blob)
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"before", first)
        opened = kms.decrypt(CiphertextBlob=seal(kms, key, b"after"))
        assert opened["KeyMaterialId"] == second
        (rotation,) = kms.list_key_rotations(KeyId=key)["Rotations"]
        assert rotation["RotationDate"] >= due
        assert rotation["RotationType"] == "AUTOMATIC"
        assert rotation["KeyMaterialState"] == "CURRENT"
        assert status(kms, key)["NextRotationDate"] > due

    def test_old_ciphertexts_open_for_ever(self, clock_server, clock_kms):
        kms, key = clock_kms, new_key(clock_kms)
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        sealed = {}
        for number in range(12):
            sealed[number] = seal(kms, key, str(number).encode())
            clock_server.advance("P91D")
        assert len({material(kms, key)} | {
            kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] for blob in sealed.values()
        }) == 13
        for number, blob in sealed.items():
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == str(number).encode()

    def test_rotation_that_is_off_does_not_happen(self, clock_server, clock_kms):
        key = new_key(clock_kms)
        clock_kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        clock_kms.disable_key_rotation(KeyId=key)
        before = material(clock_kms, key)
        clock_server.advance("P400D")
        assert material(clock_kms, key) == before

    def test_a_disabled_key_rotates_when_it_is_enabled_again(self, clock_server, clock_kms):
        key = new_key(clock_kms)
        clock_kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        before = material(clock_kms, key)
        clock_kms.disable_key(KeyId=key)
        clock_server.advance("P100D")
        assert material(clock_kms, key) == before
        clock_kms.enable_key(KeyId=key)
        clock_server.advance("PT1H")
        assert material(clock_kms, key) != before

    def test_a_deletion_that_is_cancelled_brings_the_setting_back(self, clock_kms):
        key = new_key(clock_kms)
        clock_kms.enable_key_rotation(KeyId=key)
        clock_kms.schedule_key_deletion(KeyId=key)
        assert status(clock_kms, key)["KeyRotationEnabled"] is False
        clock_kms.cancel_key_deletion(KeyId=key)
        assert status(clock_kms, key)["KeyRotationEnabled"] is True

    def test_a_managed_key_rotates_yearly(self, clock_server, clock_kms):
        key = clock_kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyId"]
        before = material(clock_kms, key)
        clock_server.advance("P366D")
        assert material(clock_kms, key) != before


class TestOnDemand:
    def rotate(self, server, kms, key):
        assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == key
        server.advance("PT30M")

    def test_rotation_on_demand_needs_no_setting(self, clock_server, clock_kms):
        key = new_key(clock_kms)
        first = material(clock_kms, key)
        blob = seal(clock_kms, key, b"before")
        self.rotate(clock_server, clock_kms, key)
        second = material(clock_kms, key)
        assert second != first
        opened = clock_kms.decrypt(CiphertextBlob=blob)
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"before", first)
        assert status(clock_kms, key) == {"KeyId": key, "KeyRotationEnabled": False}
        (rotation,) = clock_kms.list_key_rotations(KeyId=key)["Rotations"]
        del rotation["RotationDate"]
        assert rotation == {
            "KeyId": key,
            "KeyMaterialId": second,
            "KeyMaterialState": "CURRENT",
            "RotationType": "ON_DEMAND",
        }

    def test_every_material_is_listed_oldest_first(self, clock_server, clock_kms):
        key = new_key(clock_kms)
        materials = [material(clock_kms, key)]
        for _ in range(3):
            self.rotate(clock_server, clock_kms, key)
            materials.append(material(clock_kms, key))
        every = {"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
        listed = clock_kms.list_key_rotations(**every)["Rotations"]
        assert [entry["KeyMaterialId"] for entry in listed] == materials
        states = [entry["KeyMaterialState"] for entry in listed]
        assert states == ["NON_CURRENT"] * 3 + ["CURRENT"]
        assert "RotationDate" not in listed[0] and "RotationType" not in listed[0]
        pages = clock_kms.get_paginator("list_key_rotations").paginate(
            **every, PaginationConfig={"PageSize": 1}
        )
        paged = [entry["KeyMaterialId"] for page in pages for entry in page["Rotations"]]
        assert paged == materials

    def test_a_second_demand_at_once_is_the_same_rotation(self, clock_server, clock_kms):
        key = new_key(clock_kms)
        clock_kms.rotate_key_on_demand(KeyId=key)
        self.rotate(clock_server, clock_kms, key)
        assert len(clock_kms.list_key_rotations(KeyId=key)["Rotations"]) == 1

    def test_the_automatic_date_does_not_move(self, clock_server, clock_kms):
        key = new_key(clock_kms)
        clock_kms.enable_key_rotation(KeyId=key)
        due = status(clock_kms, key)["NextRotationDate"]
        self.rotate(clock_server, clock_kms, key)
        assert status(clock_kms, key)["NextRotationDate"] == due

    def test_an_automatic_rotation_that_is_near_has_precedence(self, clock_server, clock_kms):
        key = new_key(clock_kms)
        clock_kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        clock_server.advance("P89DT23H45M")
        with refused("ConflictException"):
            clock_kms.rotate_key_on_demand(KeyId=key)
        clock_kms.disable_key_rotation(KeyId=key)
        clock_kms.rotate_key_on_demand(KeyId=key)

    def test_a_key_can_be_rotated_on_demand_25_times(self, clock_server, clock_kms):
        key = new_key(clock_kms)
        blob = seal(clock_kms, key, b"the first")
        for _ in range(25):
            self.rotate(clock_server, clock_kms, key)
        message = (
            "The on-demand rotations limit has been reached for the given keyId. No more "
            f"on-demand rotations can be performed for this key: {key}"
        )
        with refused("LimitExceededException", message):
            clock_kms.rotate_key_on_demand(KeyId=key)
        assert clock_kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"the first"
