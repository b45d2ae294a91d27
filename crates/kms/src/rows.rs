//! Everything that KMS can do, a row an operation.

use bulla_plane::scheduler::Job;
use bulla_plane::{BoxFuture, Call, Row, Rows, row, service};
use bulla_shapes::kms::{
    CancelKeyDeletionRequest, ConnectCustomKeyStoreRequest, CreateAliasRequest,
    CreateCustomKeyStoreRequest, CreateGrantRequest, CreateKeyRequest, DecapsulateRequest,
    DecryptRequest, DeleteAliasRequest, DeleteCustomKeyStoreRequest,
    DeleteImportedKeyMaterialRequest, DeriveSharedSecretRequest, DescribeCustomKeyStoresRequest,
    DescribeKeyRequest, DisableKeyRequest, DisableKeyRotationRequest,
    DisconnectCustomKeyStoreRequest, EnableKeyRequest, EnableKeyRotationRequest,
    EncapsulateRequest, EncryptRequest, GenerateDataKeyPairRequest,
    GenerateDataKeyPairWithoutPlaintextRequest, GenerateDataKeyRequest,
    GenerateDataKeyWithoutPlaintextRequest, GenerateMacRequest, GenerateRandomRequest,
    GetKeyLastUsageRequest, GetKeyPolicyRequest, GetKeyRotationStatusRequest,
    GetParametersForImportRequest, GetPublicKeyRequest, ImportKeyMaterialRequest,
    ListAliasesRequest, ListGrantsRequest, ListKeyPoliciesRequest, ListKeyRotationsRequest,
    ListKeysRequest, ListResourceTagsRequest, ListRetirableGrantsRequest, PutKeyPolicyRequest,
    ReEncryptRequest, ReplicateKeyRequest, RetireGrantRequest, RevokeGrantRequest,
    RotateKeyOnDemandRequest, ScheduleKeyDeletionRequest, SignRequest, TagResourceRequest,
    UntagResourceRequest, UpdateAliasRequest, UpdateCustomKeyStoreRequest,
    UpdateKeyDescriptionRequest, UpdatePrimaryRegionRequest, VerifyMacRequest, VerifyRequest,
};
use bulla_shapes::{Fault, kms};

use crate::found::Takes;
use crate::ops::{
    agree, alias, crypt, datakey, datakeypair, describe, grant, grant_end, grant_list, import,
    lifecycle, mac, policy, public, random, replicate, rotation, sign, store, store_connection,
    tags,
};
use crate::{Kms, due};

#[rustfmt::skip]
static ROWS: &[Row<Kms>] = &[
    row!("CreateKey", Write, false, "CreateKey", CreateKeyRequest, lifecycle::create_key),
    row!("DescribeKey", Read, true, "DescribeKey", DescribeKeyRequest, describe::describe_key),
    row!("ListKeys", List, true, "ListKeys", ListKeysRequest, describe::list_keys),
    row!("EnableKey", Write, false, "EnableKey", EnableKeyRequest, lifecycle::enable_key),
    row!("DisableKey", Write, false, "DisableKey", DisableKeyRequest, lifecycle::disable_key),
    row!("ScheduleKeyDeletion", Write, false, "ScheduleKeyDeletion", ScheduleKeyDeletionRequest, lifecycle::schedule_key_deletion),
    row!("CancelKeyDeletion", Write, false, "CancelKeyDeletion", CancelKeyDeletionRequest, lifecycle::cancel_key_deletion),
    row!("UpdateKeyDescription", Write, false, "UpdateKeyDescription", UpdateKeyDescriptionRequest, lifecycle::update_key_description),
    row!("CreateAlias", Write, false, "CreateAlias", CreateAliasRequest, alias::create_alias),
    row!("UpdateAlias", Write, false, "UpdateAlias", UpdateAliasRequest, alias::update_alias),
    row!("DeleteAlias", Write, false, "DeleteAlias", DeleteAliasRequest, alias::delete_alias),
    row!("ListAliases", List, true, "ListAliases", ListAliasesRequest, alias::list_aliases),
    row!("TagResource", Tagging, false, "TagResource", TagResourceRequest, tags::tag_resource),
    row!("UntagResource", Tagging, false, "UntagResource", UntagResourceRequest, tags::untag_resource),
    row!("ListResourceTags", List, true, "ListResourceTags", ListResourceTagsRequest, tags::list_resource_tags),
    row!("GetKeyPolicy", Read, true, "GetKeyPolicy", GetKeyPolicyRequest, policy::get_key_policy),
    row!("PutKeyPolicy", Permissions, false, "PutKeyPolicy", PutKeyPolicyRequest, policy::put_key_policy),
    row!("ListKeyPolicies", List, true, "ListKeyPolicies", ListKeyPoliciesRequest, policy::list_key_policies),
    row!("CreateGrant", Permissions, false, "CreateGrant", CreateGrantRequest, grant::create_grant),
    row!("ListGrants", List, true, "ListGrants", ListGrantsRequest, grant_list::list_grants),
    row!("ListRetirableGrants", List, true, "ListRetirableGrants", ListRetirableGrantsRequest, grant_list::list_retirable_grants),
    row!("RetireGrant", Permissions, false, "RetireGrant", RetireGrantRequest, grant_end::retire_grant),
    row!("RevokeGrant", Permissions, false, "RevokeGrant", RevokeGrantRequest, grant_end::revoke_grant),
    row!("Encrypt", Write, true, "Cryptographic (by key)", EncryptRequest, crypt::encrypt),
    row!("Decrypt", Write, true, "Cryptographic (by key)", DecryptRequest, crypt::decrypt),
    row!("ReEncrypt", Write, true, "Cryptographic (by key)", ReEncryptRequest, crypt::re_encrypt),
    row!("GenerateDataKey", Write, true, "Cryptographic (by key)", GenerateDataKeyRequest, datakey::generate_data_key),
    row!("GenerateDataKeyWithoutPlaintext", Write, true, "Cryptographic (by key)", GenerateDataKeyWithoutPlaintextRequest, datakey::generate_data_key_without_plaintext),
    row!("GenerateDataKeyPair", Write, true, "GenerateDataKeyPair (by spec)", GenerateDataKeyPairRequest, datakeypair::generate_data_key_pair),
    row!("GenerateDataKeyPairWithoutPlaintext", Write, true, "GenerateDataKeyPair (by spec)", GenerateDataKeyPairWithoutPlaintextRequest, datakeypair::generate_data_key_pair_without_plaintext),
    row!("GenerateRandom", Write, true, "Cryptographic (symmetric)", GenerateRandomRequest, random::generate_random),
    row!("GenerateMac", Write, true, "Cryptographic (by key)", GenerateMacRequest, mac::generate_mac),
    row!("VerifyMac", Write, true, "Cryptographic (by key)", VerifyMacRequest, mac::verify_mac),
    row!("Sign", Write, true, "Cryptographic (by key)", SignRequest, sign::sign),
    row!("Verify", Write, true, "Cryptographic (by key)", VerifyRequest, sign::verify),
    row!("GetPublicKey", Read, true, "GetPublicKey", GetPublicKeyRequest, public::get_public_key),
    row!("DeriveSharedSecret", Write, true, "Cryptographic (by key)", DeriveSharedSecretRequest, agree::derive_shared_secret),
    row!("Encapsulate", Write, true, "Cryptographic (by key)", EncapsulateRequest, agree::encapsulate),
    row!("Decapsulate", Write, true, "Cryptographic (by key)", DecapsulateRequest, agree::decapsulate),
    row!("GetParametersForImport", Write, true, "GetParametersForImport", GetParametersForImportRequest, import::get_parameters_for_import),
    row!("ImportKeyMaterial", Write, false, "ImportKeyMaterial", ImportKeyMaterialRequest, import::import_key_material),
    row!("DeleteImportedKeyMaterial", Write, false, "DeleteImportedKeyMaterial", DeleteImportedKeyMaterialRequest, import::delete_imported_key_material),
    row!("ReplicateKey", Write, false, "ReplicateKey", ReplicateKeyRequest, replicate::replicate_key),
    row!("UpdatePrimaryRegion", Write, false, "UpdatePrimaryRegion", UpdatePrimaryRegionRequest, replicate::update_primary_region),
    row!("GetKeyLastUsage", Read, true, "GetKeyLastUsage", GetKeyLastUsageRequest, describe::get_key_last_usage),
    row!("EnableKeyRotation", Write, false, "EnableKeyRotation", EnableKeyRotationRequest, rotation::enable_key_rotation),
    row!("DisableKeyRotation", Write, false, "DisableKeyRotation", DisableKeyRotationRequest, rotation::disable_key_rotation),
    row!("GetKeyRotationStatus", Read, true, "GetKeyRotationStatus", GetKeyRotationStatusRequest, rotation::get_key_rotation_status),
    row!("RotateKeyOnDemand", Write, false, "RotateKeyOnDemand", RotateKeyOnDemandRequest, rotation::rotate_key_on_demand),
    row!("ListKeyRotations", List, true, "ListKeyRotations", ListKeyRotationsRequest, rotation::list_key_rotations),
    row!("CreateCustomKeyStore", Write, false, "CreateCustomKeyStore", CreateCustomKeyStoreRequest, store::create_custom_key_store),
    row!("DescribeCustomKeyStores", Read, true, "DescribeCustomKeyStores", DescribeCustomKeyStoresRequest, store::describe_custom_key_stores),
    row!("ConnectCustomKeyStore", Write, false, "ConnectCustomKeyStore", ConnectCustomKeyStoreRequest, store_connection::connect_custom_key_store),
    row!("DisconnectCustomKeyStore", Write, false, "DisconnectCustomKeyStore", DisconnectCustomKeyStoreRequest, store_connection::disconnect_custom_key_store),
    row!("UpdateCustomKeyStore", Write, false, "UpdateCustomKeyStore", UpdateCustomKeyStoreRequest, store_connection::update_custom_key_store),
    row!("DeleteCustomKeyStore", Write, false, "DeleteCustomKeyStore", DeleteCustomKeyStoreRequest, store::delete_custom_key_store),
];

impl Rows for Kms {
    const MODEL: &'static bulla_shapes::Service = &kms::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn resource<'c>(&'c self, call: &'c Call, name: &'c str) -> service::Found<'c> {
        Box::pin(async move { Ok(Some(self.find(call, name, Takes::Everything).await?.boxed())) })
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Box::pin(due::run(self, job))
    }

    fn forget(&self) {
        self.cache.clear();
        self.owners.clear();
        self.aliases.clear();
        self.grants.clear();
        self.usage.clear();
        self.counts.forget();
    }

    fn wind_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.usage.write())
    }
}
