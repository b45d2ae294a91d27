//! How Lambda's operations are authorized: on the function; lists on nothing in particular. A name
//! is always the caller's own account's. A refused runtime, payload or setting ends those that
//! would go on to ask for a role or run something.

use super::On::{Account, Own};
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("CreateFunction", Own("{new_function}"), r#"{"FunctionName":"{new_function.name}","Role":"{function.role}","Runtime":"java21","Code":{}}"#),
    rule("GetFunction", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("GetFunctionConfiguration", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("GetFunctionCodeSigningConfig", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("ListFunctions", Account, "{}"),
    rule("UpdateFunctionCode", Own("{function}"), r#"{"FunctionName":"{function.name}","ZipFile":"AAAA"}"#),
    rule("UpdateFunctionConfiguration", Own("{function}"), r#"{"FunctionName":"{function.name}","Description":"d"}"#),
    rule("DeleteFunction", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("Invoke", Own("{function}"), r#"{"FunctionName":"{function.name}","InvocationType":"DryRun"}"#).asks("InvokeFunction"),
    rule("AddPermission", Own("{function}"), r#"{"FunctionName":"{function.name}","StatementId":"t","Action":"lambda:InvokeFunction","Principal":"events.amazonaws.com"}"#),
    rule("RemovePermission", Own("{function}"), r#"{"FunctionName":"{function.name}","StatementId":"s"}"#),
    rule("GetPolicy", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("PublishVersion", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("ListVersionsByFunction", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("CreateAlias", Own("{function}"), r#"{"FunctionName":"{function.name}","Name":"new","FunctionVersion":"1"}"#),
    rule("GetAlias", Own("{function}"), r#"{"FunctionName":"{function.name}","Name":"it"}"#),
    rule("UpdateAlias", Own("{function}"), r#"{"FunctionName":"{function.name}","Name":"it","Description":"d"}"#),
    rule("DeleteAlias", Own("{function}"), r#"{"FunctionName":"{function.name}","Name":"it"}"#),
    rule("ListAliases", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("PutFunctionConcurrency", Own("{function}"), r#"{"FunctionName":"{function.name}","ReservedConcurrentExecutions":1}"#),
    rule("GetFunctionConcurrency", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("DeleteFunctionConcurrency", Own("{function}"), r#"{"FunctionName":"{function.name}"}"#),
    rule("GetAccountSettings", Account, "{}"),
    rule("TagResource", Own("{function}"), r#"{"Resource":"{function}","Tags":{"k":"v"}}"#),
    rule("UntagResource", Own("{function}"), r#"{"Resource":"{function}","TagKeys":["k"]}"#),
    rule("ListTags", Own("{function}"), r#"{"Resource":"{function}"}"#),
];
