//! By what costs are told apart: dimensions, tags and cost categories.

use std::borrow::Cow;

use bulla_shapes::Fault;

use crate::fault;
use crate::report::Line;

/// What Cost Explorer calls all that is no discount, tax or refund.
const USAGE: &str = "Usage";
/// The one cost category there is, which AWS does not have: who called.
pub const PRINCIPAL: &str = "Principal";

/// The dimensions that differ here, or that AWS's users ask for most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    Service,
    ServiceCode,
    UsageType,
    Operation,
    LinkedAccount,
    Region,
    RecordType,
    ResourceId,
}

impl Dimension {
    /// The dimension of a name.
    pub(crate) fn read(name: &str) -> Option<Self> {
        Some(match name {
            "SERVICE" => Self::Service,
            "SERVICE_CODE" => Self::ServiceCode,
            "USAGE_TYPE" => Self::UsageType,
            "OPERATION" => Self::Operation,
            // Nobody else pays for an account here.
            "LINKED_ACCOUNT" | "PAYER_ACCOUNT" => Self::LinkedAccount,
            "REGION" => Self::Region,
            "RECORD_TYPE" => Self::RecordType,
            "RESOURCE_ID" => Self::ResourceId,
            _ => return None,
        })
    }

    /// What a line has for it.
    pub(crate) fn of<'l>(self, line: &'l Line<'_>) -> Cow<'l, str> {
        Cow::Borrowed(match self {
            Self::Service => line.item.service,
            Self::ServiceCode => line.item.service_code,
            Self::UsageType => return Cow::Owned(line.item.usage_type(line.region)),
            Self::Operation => line.operation,
            Self::LinkedAccount => line.account,
            Self::Region => line.region,
            Self::RecordType => USAGE,
            Self::ResourceId if line.resource.is_empty() => "NoResourceId",
            Self::ResourceId => line.resource,
        })
    }
}

/// Something by which costs are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Facet {
    Dimension(Dimension),
    /// No tag is a cost allocation tag here, so that nothing has one.
    Tag(String),
    Category(String),
}

impl Facet {
    /// A dimension by its name. Resources are told apart only where that was asked for
    /// (`with_resources`), as AWS has it. Texts are ours.
    pub(crate) fn dimension(name: &str, with_resources: bool) -> Result<Self, Fault> {
        match Dimension::read(name) {
            Some(Dimension::ResourceId) if !with_resources => {
                let text = "RESOURCE_ID is a dimension of GetCostAndUsageWithResources only.";
                Err(fault::validation(text))
            }
            Some(dimension) => Ok(Self::Dimension(dimension)),
            None => Err(fault::validation(format!("The dimension {name} is not supported."))),
        }
    }

    /// What a line has for it; empty where it has none.
    pub(crate) fn of<'l>(&self, line: &'l Line<'_>) -> Cow<'l, str> {
        match self {
            Self::Dimension(dimension) => dimension.of(line),
            Self::Category(name) if name == PRINCIPAL => Cow::Borrowed(line.principal),
            Self::Tag(_) | Self::Category(_) => Cow::Borrowed(""),
        }
    }

    /// The key of a line's group: tags and categories stand in front of their values.
    pub(crate) fn key(&self, line: &Line<'_>) -> String {
        let value = self.of(line);
        match self {
            Self::Dimension(_) => value.into_owned(),
            Self::Tag(name) | Self::Category(name) => format!("{name}${value}"),
        }
    }
}
