"""Lists come in pages that hold everything once."""

from conftest import client, new_key
from expect import EMPTY, refused


def test_a_new_account_has_no_keys(own_kms):
    answer = own_kms.list_keys()
    assert (answer["Keys"], answer["Truncated"]) == ([], False)
    assert "NextMarker" not in answer


def test_a_list_names_id_and_arn(own_kms):
    arn = new_key(own_kms)
    assert own_kms.list_keys()["Keys"] == [{"KeyId": arn.split("/")[1], "KeyArn": arn}]


def test_pages_hold_every_key_once(own_kms):
    made = {new_key(own_kms) for _ in range(5)}
    listed, sizes, marker = [], [], {}
    while True:
        page = own_kms.list_keys(Limit=2, **marker)
        sizes.append(len(page["Keys"]))
        listed += [entry["KeyArn"] for entry in page["Keys"]]
        assert page["Truncated"] == ("NextMarker" in page)
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert sizes == [2, 2, 1]
    assert len(listed) == 5 and set(listed) == made


def test_boto3s_paginator_reaches_the_end(own_kms):
    made = {new_key(own_kms) for _ in range(7)}
    pages = own_kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 3})
    assert {entry["KeyArn"] for page in pages for entry in page["Keys"]} == made


def test_a_page_holds_a_hundred_by_default(own_kms):
    for _ in range(101):
        own_kms.create_key()
    page = own_kms.list_keys()
    assert (len(page["Keys"]), page["Truncated"]) == (100, True)


def test_a_made_up_marker_is_refused(own_kms):
    own_kms.create_key()
    with refused("InvalidMarkerException", EMPTY):
        own_kms.list_keys(Marker="made-up")


def test_keys_pending_deletion_are_listed(own_kms):
    arn = new_key(own_kms)
    own_kms.schedule_key_deletion(KeyId=arn)
    assert [entry["KeyArn"] for entry in own_kms.list_keys()["Keys"]] == [arn]


def test_accounts_and_regions_are_listed_apart(server, own_kms, account):
    new_key(own_kms)
    assert client(server, account=account, region="us-west-2").list_keys()["Keys"] == []
    assert client(server, account="999999999999").list_keys()["Keys"] == []
