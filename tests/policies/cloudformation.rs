//! As much of CloudFormation as the stacks below `policies/` use.

use std::path::Path;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

use crate::folder::read;

/// A stack with every parameter at its default.
pub(crate) struct Stack(Value);

impl Stack {
    pub(crate) fn read(path: &Path) -> Self {
        Self::parse(&read(path), &path.display().to_string())
    }

    pub(crate) fn parse(yaml: &str, of: &str) -> Self {
        let documents = Yaml::load_from_str(yaml).unwrap_or_else(|wrong| panic!("{of}: {wrong}"));
        let [document] = documents.as_slice() else { panic!("{of} is not one document") };
        Self(long_form(document))
    }

    pub(crate) fn parameters(&self) -> &Map<String, Value> {
        self.0["Parameters"].as_object().expect("parameters")
    }

    /// The resources of a type, with their names and properties.
    pub(crate) fn resources(&self, kind: &str) -> Vec<(String, Value)> {
        let resources = self.0["Resources"].as_object().expect("resources");
        let of_kind = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
        of_kind.map(|(name, resource)| (name.clone(), resource["Properties"].clone())).collect()
    }

    /// The queue that a `GetAtt` of its ARN names.
    pub(crate) fn queue(&self, arn: &Value) -> Value {
        let queues = self.resources("AWS::SQS::Queue");
        let queue = queues.into_iter().find(|(name, _)| *arn == json!({"Fn::GetAtt": [name, "Arn"]}));
        queue.unwrap_or_else(|| panic!("{arn} is no queue of the stack")).1
    }

    /// A queue's name, in a stack of this name.
    pub(crate) fn queue_name(queue: &Value, stack: &str) -> String {
        queue["QueueName"]["Fn::Sub"].as_str().expect("a name").replace("${AWS::StackName}", stack)
    }

    /// Every name that is referred to, and is neither a parameter, a resource nor AWS's own.
    pub(crate) fn dangling(&self) -> Vec<String> {
        let mut names = Vec::new();
        references(&self.0["Resources"], &mut names);
        references(&self.0["Outputs"], &mut names);
        let is_known = |name: &str| {
            let known = |of: &str| !self.0[of][name].is_null();
            name.starts_with("AWS::") || known("Parameters") || known("Resources")
        };
        names.retain(|name| !is_known(name));
        names
    }
}

fn references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                match (member.as_str(), value) {
                    ("Ref" | "DependsOn", Value::String(name)) => names.push(name.clone()),
                    ("Fn::GetAtt", Value::Array(path)) => names.extend(path[0].as_str().map(str::to_owned)),
                    ("Fn::Sub", Value::String(text)) => {
                        let placeholders = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
                        names.extend(
                            placeholders.filter_map(|path| path.split('.').next()).map(str::to_owned),
                        );
                    }
                    (_, value) => references(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

/// YAML as JSON, with functions in their long form.
fn long_form(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(boolean)) => json!(boolean),
        Yaml::Value(Scalar::Integer(integer)) => json!(integer),
        Yaml::Value(Scalar::FloatingPoint(float)) => json!(float.into_inner()),
        Yaml::Value(Scalar::String(string)) => json!(string),
        Yaml::Sequence(items) => items.iter().map(long_form).collect(),
        Yaml::Mapping(fields) => {
            let field = |(name, field): (&Yaml<'_>, &Yaml<'_>)| {
                (long_form(name).as_str().expect("a name").to_owned(), long_form(field))
            };
            Value::Object(fields.iter().map(field).collect())
        }
        Yaml::Tagged(tag, node) => match (tag.suffix.as_str(), long_form(node)) {
            ("Ref", operand) => json!({"Ref": operand}),
            ("GetAtt", Value::String(path)) => json!({"Fn::GetAtt": path.split('.').collect::<Vec<_>>()}),
            (name, operand) => json!({format!("Fn::{name}"): operand}),
        },
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            panic!("{yaml:?} is not understood here")
        }
    }
}
