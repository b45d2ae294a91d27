"""Tags on keys."""

import pytest
from expect import refused


def tags(kms, key):
    return {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key)["Tags"]}


def as_list(pairs):
    return [{"TagKey": name, "TagValue": value} for name, value in pairs.items()]


def test_a_key_can_be_born_with_tags(kms):
    key = kms.create_key(Tags=as_list({"team": "books", "empty": ""}))["KeyMetadata"]["KeyId"]
    assert tags(kms, key) == {"team": "books", "empty": ""}


def test_tags_are_added_changed_and_taken_away(kms, key):
    assert tags(kms, key) == {}
    kms.tag_resource(KeyId=key, Tags=as_list({"a": "1", "b": "2"}))
    kms.tag_resource(KeyId=key, Tags=as_list({"b": "3"}))
    assert tags(kms, key) == {"a": "1", "b": "3"}
    kms.untag_resource(KeyId=key, TagKeys=["a", "never-there"])
    assert tags(kms, key) == {"b": "3"}


def test_tags_come_in_pages(kms, key):
    wanted = {f"tag-{number}": str(number) for number in range(5)}
    kms.tag_resource(KeyId=key, Tags=as_list(wanted))
    pages = kms.get_paginator("list_resource_tags").paginate(
        KeyId=key, PaginationConfig={"PageSize": 2}
    )
    listed = [tag for page in pages for tag in page["Tags"]]
    assert len(listed) == 5
    assert {tag["TagKey"]: tag["TagValue"] for tag in listed} == wanted


def test_duplicate_tag_keys_are_refused(kms, key):
    pair = {"TagKey": "a", "TagValue": "1"}
    with refused("TagException", "Duplicate tag keys"):
        kms.tag_resource(KeyId=key, Tags=[pair, pair])
    with refused("TagException", "Duplicate tag keys"):
        kms.create_key(Tags=[pair, pair])


def test_a_key_has_at_most_fifty_tags(kms, key):
    kms.tag_resource(KeyId=key, Tags=as_list({str(number): "" for number in range(50)}))
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=key, Tags=as_list({"one more": ""}))
    with refused("TagException", "Too many tags"):
        kms.create_key(Tags=as_list({str(number): "" for number in range(51)}))
    kms.tag_resource(KeyId=key, Tags=as_list({"7": "changed"}))


@pytest.mark.parametrize("name", ["aws:team", "AWS:team", "Aws:x"])
def test_aws_tag_keys_are_reserved(kms, key, name):
    with refused("TagException", "Tags beginning with aws: are reserved"):
        kms.tag_resource(KeyId=key, Tags=as_list({name: "1"}))
    with refused("TagException", "Tags beginning with aws: are reserved"):
        kms.create_key(Tags=as_list({name: "1"}))


def test_a_long_tag_value_is_named_by_its_place(unchecked_kms, key):
    value = "v" * 257
    message = (
        f"1 validation error detected: Value '{value}' at 'tags.1.member.tagValue' failed to "
        "satisfy constraint: Member must have length less than or equal to 256"
    )
    with refused("ValidationException", message):
        unchecked_kms.tag_resource(KeyId=key, Tags=as_list({"a": value}))
