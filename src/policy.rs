//! What may be stopped: one document of clauses, each with an EventBridge event pattern.
//!
//! A matching `deny` wins; otherwise some `allow` must match, if there are any. The document is read once, at start, and
//! one that does not mean what it says, as far as that can be told, is refused: a guard never weakens in silence.

mod fields;
mod read;
mod subject;

use std::fmt;
use std::sync::Arc;

use event_pattern::{Document, Pattern};

pub use read::PolicyError;
pub use subject::{Asked, Subject, Unreadable};

pub(crate) use fields::{check, nearest, of_expect};

/// The clause that decides where `allow` clauses exist and none matches.
pub const IMPLICIT_DENY: &str = "implicitDeny";

/// The clause that decides where no `deny` matches and there are no `allow` clauses.
pub const IMPLICIT_ALLOW: &str = "implicitAllow";

/// The clause that decides where more jobs would be stopped at once than the policy allows.
pub const MAX_PER_INVOCATION: &str = "maxPerInvocation";

/// What one deployment allows.
#[derive(Debug, Clone)]
pub struct Policy {
    mode: Mode,
    deny: Vec<Clause>,
    allow: Vec<Clause>,
    max_per_invocation: Option<MaxPerInvocation>,
    /// Decides where no clause does.
    implicit: Arc<str>,
    sha256: String,
}

/// Whether a policy only says what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What it allows is done.
    Enforce,
    /// Every request is a dry run.
    DryRun,
}

/// One case that a policy knows.
#[derive(Debug, Clone)]
pub struct Clause {
    id: Arc<str>,
    when: Pattern,
}

/// `maxPerInvocation`, with its name as results give it.
#[derive(Debug, Clone)]
struct MaxPerInvocation {
    jobs: usize,
    clause: Arc<str>,
}

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

/// What a policy says of one document, and the clause that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Whether it may be done.
    pub effect: Effect,
    /// The clause's id, or [`IMPLICIT_DENY`] or [`IMPLICIT_ALLOW`] where none matched.
    pub clause: &'a Arc<str>,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, its place in the document, and the remedy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        read::policy(text)
    }

    /// What it says of one request for one job.
    #[must_use]
    pub fn decide(&self, document: &Document<'_>) -> Decision<'_> {
        // Of a document that is too tangled to tell, the worst is assumed.
        let mut denies = self.deny.iter().filter(|clause| clause.when.try_matches(document).unwrap_or(true));
        if let Some(clause) = denies.next() {
            return Decision { effect: Effect::Deny, clause: &clause.id };
        }
        match self.allow.iter().find(|clause| clause.when.matches(document)) {
            Some(clause) => Decision { effect: Effect::Allow, clause: &clause.id },
            None if self.allow.is_empty() => Decision { effect: Effect::Allow, clause: &self.implicit },
            None => Decision { effect: Effect::Deny, clause: &self.implicit },
        }
    }

    /// Whether so many jobs at once are too many, and the clause that says so.
    #[must_use]
    pub(crate) fn denies_so_many(&self, jobs: usize) -> Option<&Arc<str>> {
        self.max_per_invocation.as_ref().filter(|most| jobs > most.jobs).map(|most| &most.clause)
    }

    /// The most jobs that one invocation may stop.
    #[must_use]
    pub fn max_per_invocation(&self) -> Option<usize> {
        self.max_per_invocation.as_ref().map(|most| most.jobs)
    }

    /// Whether it only says what it would do.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The clauses that deny, in their order.
    #[must_use]
    pub fn deny(&self) -> &[Clause] {
        &self.deny
    }

    /// The clauses that allow, in their order.
    #[must_use]
    pub fn allow(&self) -> &[Clause] {
        &self.allow
    }

    /// The SHA-256 of its text, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl Clause {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it applies.
    #[must_use]
    pub fn when(&self) -> &Pattern {
        &self.when
    }
}

#[cfg(test)]
mod tests;
