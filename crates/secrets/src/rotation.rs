//! The seam between rotations and what carries them out: a function, or a rotator of the house.

use bulla_plane::{BoxFuture, Call};
use bulla_shapes::Fault;

/// The four steps of a rotation, in their order (user guide, "Rotation function overview").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Makes the new value, under the label AWSPENDING.
    Create,
    /// Has the database or service take it.
    Set,
    /// Shows that it works.
    Test,
    /// Makes it the current one.
    Finish,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 4] = [Self::Create, Self::Set, Self::Test, Self::Finish];

    /// AWS's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "createSecret",
            Self::Set => "setSecret",
            Self::Test => "testSecret",
            Self::Finish => "finishSecret",
        }
    }
}

/// One step of one rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepOf<'a> {
    /// Which.
    pub step: Step,
    /// The secret's ARN.
    pub secret: &'a str,
    /// The id of the version that the rotation makes.
    pub token: &'a str,
}

/// Why a step failed, in words that hold nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

/// What carries out rotations. A step may be asked for again: after a crash, and after a failure.
pub trait Rotators: Send + Sync {
    /// Whether Secrets Manager may have this rotator rotate this secret; both are ARNs. `call` is
    /// the one that asks for it.
    ///
    /// # Errors
    /// What the caller lacks, or our own, when the store can't be read.
    fn may_invoke<'a>(
        &'a self,
        call: &'a mut Call,
        rotator: &'a str,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<bool, Fault>>;

    /// Carries out a step.
    ///
    /// # Errors
    /// What kept it from succeeding.
    fn carry_out<'a>(
        &'a self,
        rotator: &'a str,
        step: StepOf<'a>,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// No rotators: none may be invoked.
pub(crate) struct NoRotators;

impl Rotators for NoRotators {
    fn may_invoke<'a>(
        &'a self,
        _: &'a mut Call,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn carry_out<'a>(&'a self, _: &'a str, _: StepOf<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        let text = "there is nothing here that carries out rotations";
        Box::pin(std::future::ready(Err(Failure(text.to_owned()))))
    }
}
