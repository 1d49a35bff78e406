//! The objects of a pattern: fields, and `$or`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::{Leaf, Reading, complexity, operator, values};
use crate::error::{Class, PatternError};
use crate::json::Node;
use crate::test::Test;

type Members<'j> = [(Cow<'j, str>, Node<'j>)];
type Leaves = Vec<Arc<Leaf>>;

/// What the engine takes in one branch.
const MAX_LEAVES: usize = 256;
/// What the `EventBridge` service takes in one pattern.
const MAX_BRANCHES: usize = 1000;

/// The branches of a whole pattern.
pub(super) fn branches(members: &Members<'_>, reading: &Reading<'_>) -> Result<Vec<Leaves>, PatternError> {
    let read = |or_is_a_field: bool| {
        let mut compiler = Compiler { reading, or_is_a_field, seen_or: false, branches: vec![Vec::new()] };
        let read = compiler.object(members, &Scope::default(), &mut HashSet::new());
        (read.map(|()| compiler.branches), compiler.seen_or)
    };
    match read(false) {
        // As the engine does: a pattern that cannot be read with `$or` may be one without, and have such a field.
        (Err(error), true) if !reading.strict && !matches!(error.class(), Class::Limit | Class::Field) => {
            read(true).0.map_err(|_| error)
        }
        (read, _) => read,
    }
}

fn count(branches: &[Leaves]) -> usize {
    branches.iter().map(Vec::len).sum()
}

struct Compiler<'r> {
    reading: &'r Reading<'r>,
    or_is_a_field: bool,
    seen_or: bool,
    /// What has been read so far, in each combination of `$or` branches.
    branches: Vec<Leaves>,
}

/// Where an object is.
#[derive(Default)]
struct Scope {
    /// Its path, with a dot at the end unless it is empty.
    path: String,
    in_or: bool,
}

impl Compiler<'_> {
    /// Adds what an object asks to every branch. `written` holds the paths of the keys seen in the same branch.
    fn object(
        &mut self,
        members: &Members<'_>,
        scope: &Scope,
        written: &mut HashSet<String>,
    ) -> Result<(), PatternError> {
        if members.is_empty() {
            return Err(PatternError::new(
                Class::EmptyObject,
                "an empty object asks nothing; name a field, or leave it out",
            ));
        }
        for (key, value) in members {
            self.member(key, value, scope, written).map_err(|error| error.within(key))?;
        }
        Ok(())
    }

    fn member(
        &mut self,
        key: &str,
        value: &Node<'_>,
        scope: &Scope,
        written: &mut HashSet<String>,
    ) -> Result<(), PatternError> {
        let path = format!("{}{key}", scope.path);
        if self.reading.strict && !written.insert(path.clone()) {
            let what = format!("`{path}` is written twice; put all that it asks into one place");
            return Err(PatternError::new(Class::Duplicate, what));
        }
        if key == "$or" && !self.or_is_a_field {
            self.seen_or = true;
            return self.or(value, scope);
        }
        if scope.in_or && operator::is_reserved(key) {
            let what = format!(
                "`{key}` is reserved, and cannot be a field inside of `$or`; a branch is an object of fields, such as \
                 {{\"status\": [{{\"prefix\": \"RUN\"}}]}}"
            );
            return Err(PatternError::new(Class::Or, what));
        }
        match value {
            Node::Object(members) => {
                let inner = Scope { path: format!("{path}."), in_or: scope.in_or };
                self.object(members, &inner, written)
            }
            Node::List(items) => {
                let tests = values::tests(items, self.reading)?;
                if self.reading.service_limits && complexity::is_too_high(&tests) {
                    let what =
                        "wildcards too complex for EventBridge; use fewer stars, or a prefix or suffix";
                    return Err(PatternError::new(Class::Limit, what));
                }
                let mut asked = String::new();
                value.write(&mut asked);
                self.leaf(&path, tests, asked)
            }
            bare => {
                let remedy = if operator::is_known(key) {
                    format!("an operator is an object in a list: [{{\"{key}\": …}}]")
                } else {
                    let mut text = String::new();
                    bare.write(&mut text);
                    format!("write [{text}]")
                };
                let what =
                    format!("a list of values or an object should stand here, not {}; {remedy}", bare.kind());
                Err(PatternError::new(Class::NotArray, what))
            }
        }
    }

    fn leaf(&mut self, path: &str, tests: Vec<Test>, asked: String) -> Result<(), PatternError> {
        let given = match self.reading.field {
            Some(hook) => hook(path).map_err(|what| PatternError::new(Class::Field, what))?,
            None => None,
        };
        let leaf = Arc::new(Leaf::new(given.as_deref().unwrap_or(path), tests, asked));
        for branch in &mut self.branches {
            let before = branch.iter_mut().find(|other| other.hash == leaf.hash && other.path == leaf.path);
            if let Some(before) = before {
                if self.reading.strict {
                    let what = format!(
                        "`{path}` is asked twice in one branch, where the later would replace the earlier; put it into \
                         one place, or into each branch of the `$or`"
                    );
                    return Err(PatternError::new(Class::Duplicate, what));
                }
                *before = Arc::clone(&leaf);
            } else if branch.len() == MAX_LEAVES {
                return Err(PatternError::new(Class::Limit, "more than 256 fields in one branch"));
            } else {
                branch.push(Arc::clone(&leaf));
            }
        }
        self.check_leaves(0)
    }

    /// That there are not too many leaves in all branches, so many of which stand elsewhere.
    fn check_leaves(&self, elsewhere: usize) -> Result<(), PatternError> {
        match self.reading.most_leaves {
            Some(most) if elsewhere + count(&self.branches) > most => {
                let what = format!("more than {most} fields in all combinations of `$or` branches together");
                Err(PatternError::new(Class::Limit, what))
            }
            _ => Ok(()),
        }
    }

    fn or(&mut self, value: &Node<'_>, scope: &Scope) -> Result<(), PatternError> {
        let error = |what: String| Err(PatternError::new(Class::Or, what));
        let Node::List(items) = value else {
            return error(format!("`$or` takes a list of two or more objects, not {}", value.kind()));
        };
        let before = std::mem::take(&mut self.branches);
        let mut all = Vec::new();
        let mut leaves = 0;
        for (index, item) in items.iter().enumerate() {
            let place = format!("[{index}]");
            let Node::Object(members) = item else {
                let what = format!("a branch of `$or` is an object, not {}", item.kind());
                return error(what).map_err(|error| error.within(&place));
            };
            if members.is_empty() {
                let what = "an empty branch would match anything; name a field, or leave it out".to_owned();
                return error(what).map_err(|error| error.within(&place));
            }
            self.branches.clone_from(&before);
            let inner = Scope { path: scope.path.clone(), in_or: true };
            self.object(members, &inner, &mut HashSet::new()).map_err(|error| error.within(&place))?;
            self.check_leaves(leaves)?;
            leaves += count(&self.branches);
            all.append(&mut self.branches);
            if all.len() > MAX_BRANCHES {
                return Err(PatternError::new(
                    Class::Limit,
                    "`$or` makes more than 1,000 combinations of branches",
                ));
            }
        }
        if items.len() < 2 {
            return error(format!("`$or` takes two or more objects, here it has {}", items.len()));
        }
        self.branches = all;
        Ok(())
    }
}
