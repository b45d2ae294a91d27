//! How Parameter Store's operations are authorized ("Actions, resources, and condition keys for AWS
//! Systems Manager").

use super::On::Own;
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("PutParameter", Own("{new_parameter}"), r#"{"Name":"{new_parameter.name}","Value":"v","Type":"String"}"#),
    rule("GetParameter", Own("{parameter}"), r#"{"Name":"{parameter.name}"}"#),
    rule("GetParameters", Own("{parameter}"), r#"{"Names":["{parameter.name}"]}"#),
    rule("GetParametersByPath", Own("{path}"), r#"{"Path":"{path.name}"}"#),
    rule("GetParameterHistory", Own("{parameter}"), r#"{"Name":"{parameter.name}"}"#),
    rule("DescribeParameters", Own("{every}"), "{}"),
    rule("DeleteParameter", Own("{parameter}"), r#"{"Name":"{parameter.name}"}"#),
    rule("DeleteParameters", Own("{parameter}"), r#"{"Names":["{parameter.name}"]}"#),
    rule("LabelParameterVersion", Own("{parameter}"), r#"{"Name":"{parameter.name}","Labels":["l"]}"#),
    rule("UnlabelParameterVersion", Own("{parameter}"), r#"{"Name":"{parameter.name}","ParameterVersion":1,"Labels":["l"]}"#),
    rule("AddTagsToResource", Own("{parameter}"), r#"{"ResourceType":"Parameter","ResourceId":"{parameter.name}","Tags":[{"Key":"k","Value":"v"}]}"#),
    rule("RemoveTagsFromResource", Own("{parameter}"), r#"{"ResourceType":"Parameter","ResourceId":"{parameter.name}","TagKeys":["k"]}"#),
    rule("ListTagsForResource", Own("{parameter}"), r#"{"ResourceType":"Parameter","ResourceId":"{parameter.name}"}"#),
    rule("PutResourcePolicy", Own("{parameter}"), r#"{"ResourceArn":"{parameter}","Policy":"{sharing}"}"#),
    rule("GetResourcePolicies", Own("{parameter}"), r#"{"ResourceArn":"{parameter}"}"#),
    rule("DeleteResourcePolicy", Own("{parameter}"), r#"{"ResourceArn":"{parameter}","PolicyId":"none","PolicyHash":"none"}"#),
    rule("GetServiceSetting", Own("{settings}/ssm/parameter-store/default-parameter-tier"), r#"{"SettingId":"/ssm/parameter-store/default-parameter-tier"}"#),
    rule("UpdateServiceSetting", Own("{settings}/ssm/parameter-store/high-throughput-enabled"), r#"{"SettingId":"/ssm/parameter-store/high-throughput-enabled","SettingValue":"true"}"#),
    rule("ResetServiceSetting", Own("{settings}/ssm/parameter-store/high-throughput-enabled"), r#"{"SettingId":"/ssm/parameter-store/high-throughput-enabled"}"#),
];
