//! The compiler: its flags, running it, why it failed, and the cache of what came of it.

mod cache;
mod choices;
mod codes;
mod failure;
mod flags;
#[cfg(unix)]
mod run;

pub use cache::{Cache, Found, Key};
pub use choices::{Choices, FLAGS_VARIABLE};
pub use codes::{Refusal, meaning};
pub use failure::{Cause, End, Failure};
pub use flags::{AutoCast, CastType, CompilerVersion, Flags, LNC_VARIABLE};
#[cfg(unix)]
pub use run::{Compiled, Compiler};
