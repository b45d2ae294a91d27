//! Everything that Cost Explorer can do here, a row an operation.

use bulla_plane::{Row, Rows, row};
use bulla_shapes::ce::{
    self, GetCostAndUsageRequest, GetCostAndUsageWithResourcesRequest, GetDimensionValuesRequest,
};

use crate::CostExplorer;
use crate::ops::{dimensions, usage};

#[rustfmt::skip]
static ROWS: &[Row<CostExplorer>] = &[
    row!("GetCostAndUsage", Read, true, "GetCostAndUsage", GetCostAndUsageRequest, usage::get_cost_and_usage),
    row!("GetCostAndUsageWithResources", Read, true, "GetCostAndUsageWithResources", GetCostAndUsageWithResourcesRequest, usage::get_with_resources),
    row!("GetDimensionValues", Read, true, "GetDimensionValues", GetDimensionValuesRequest, dimensions::get_dimension_values),
];

impl Rows for CostExplorer {
    const MODEL: &'static bulla_shapes::Service = &ce::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn forget(&self) {
        self.meter.forget();
    }
}
