//! As much of CloudFormation as the template uses.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The template as it would be deployed with some choice of parameters: `Ref`s of parameters, mappings and
/// conditions are resolved; what only a deployment knows stays a function in its long form.
pub(crate) struct Template {
    raw: Value,
    chosen: BTreeMap<String, Value>,
}

impl Template {
    /// The template with these parameters, the others at their defaults.
    pub(crate) fn with(choices: &[(&str, &str)]) -> Self {
        let documents =
            Yaml::load_from_str(include_str!("../../template.yaml")).expect("template.yaml is YAML");
        let raw = long_form(documents.first().expect("template.yaml has a document"));
        let mut chosen: BTreeMap<String, Value> = entries(&raw["Parameters"])
            .map(|(name, parameter)| (name, parameter["Default"].clone()))
            .collect();
        for (name, choice) in choices {
            let old = chosen.insert((*name).to_owned(), json!(choice));
            assert!(old.is_some(), "the template has no parameter {name}");
        }
        Self { raw, chosen }
    }

    pub(crate) fn raw(&self) -> &Value {
        &self.raw
    }

    pub(crate) fn parameters(&self) -> Vec<(String, Value)> {
        entries(&self.raw["Parameters"]).collect()
    }

    pub(crate) fn parameter(&self, name: &str) -> &Value {
        &self.raw["Parameters"][name]
    }

    pub(crate) fn allowed(&self, parameter: &str) -> Vec<String> {
        let allowed = self.parameter(parameter)["AllowedValues"].as_array();
        allowed.expect("the parameter has allowed values").iter().map(text).collect()
    }

    /// Whether a parameter is referred to anywhere, by `Ref` or in a `Sub`.
    pub(crate) fn uses(&self, parameter: &str) -> bool {
        let body = json!([self.raw["Conditions"], self.raw["Resources"]]).to_string();
        body.contains(&format!(r#"{{"Ref":"{parameter}"}}"#)) || body.contains(&format!("${{{parameter}}}"))
    }

    pub(crate) fn resource(&self, name: &str) -> Value {
        self.resolve(&self.raw["Resources"][name])
    }

    /// The properties of every resource of a type that would be made.
    pub(crate) fn resources(&self, kind: &str) -> Vec<(String, Value)> {
        let all = entries(&self.raw["Resources"]).filter(|(_, resource)| resource["Type"] == kind);
        let all: Vec<_> = all.collect();
        assert!(!all.is_empty(), "the template knows no {kind}");
        all.into_iter()
            .filter(|(name, _)| self.has(name))
            .map(|(name, resource)| (name, self.resolve(&resource["Properties"])))
            .collect()
    }

    pub(crate) fn function(&self) -> Value {
        self.resource("CancelFunction")["Properties"].clone()
    }

    pub(crate) fn environment(&self) -> Map<String, Value> {
        entries(&self.function()["Environment"]["Variables"]).collect()
    }

    /// The function's event sources of a type.
    pub(crate) fn events(&self, kind: &str) -> Vec<(String, Value)> {
        entries(&self.function()["Events"])
            .filter(|(_, event)| event["Type"] == kind)
            .map(|(name, event)| (name, event["Properties"].clone()))
            .collect()
    }

    /// The queue that `GetAtt` names, if it is one of the template's.
    pub(crate) fn queue(&self, arn: &Value) -> Option<Value> {
        let (name, attribute) = (arn["Fn::GetAtt"][0].as_str()?, &arn["Fn::GetAtt"][1]);
        let resource = self.resource(name);
        (attribute == "Arn" && resource["Type"] == "AWS::SQS::Queue").then(|| resource["Properties"].clone())
    }

    /// The queues that feed the function.
    pub(crate) fn request_queues(&self) -> Vec<Value> {
        let sources = self.events("SQS");
        assert!(!sources.is_empty(), "no queue feeds the function");
        let queue = |source: &Value| self.queue(&source["Queue"]).expect("a queue of the template");
        sources.iter().map(|(_, source)| queue(source)).collect()
    }

    /// The statements of the policies of a queue.
    pub(crate) fn queue_statements(&self, queue: &str) -> Vec<Value> {
        let applies = |policy: &Value| {
            policy["Queues"].as_array().is_some_and(|queues| queues.contains(&json!({"Ref": queue})))
        };
        let policies: Vec<_> = self
            .resources("AWS::SQS::QueuePolicy")
            .into_iter()
            .filter(|(_, policy)| applies(policy))
            .collect();
        assert!(policies.len() <= 1, "{queue}: of two policies the later one wins");
        policies.iter().flat_map(|(_, policy)| statements(&policy["PolicyDocument"])).collect()
    }

    /// The statements of the function's role.
    pub(crate) fn role_statements(&self) -> Vec<Value> {
        let role = text(&self.function()["Role"]["Fn::GetAtt"][0]);
        let role = self.resource(&role)["Properties"].clone();
        assert!(role["ManagedPolicyArns"].is_null(), "a managed policy allows more than is listed here");
        let policies = role["Policies"].as_array().cloned().unwrap_or_default();
        policies.iter().flat_map(|policy| statements(&policy["PolicyDocument"])).collect()
    }

    /// Whether the template's `Rules` accept the parameters.
    pub(crate) fn is_accepted(&self) -> bool {
        entries(&self.raw["Rules"]).all(|(_, rule)| {
            !self.holds(&rule["RuleCondition"])
                || rule["Assertions"]
                    .as_array()
                    .is_some_and(|all| all.iter().all(|one| self.holds(&one["Assert"])))
        })
    }

    /// Whether a resource would be made.
    pub(crate) fn has(&self, resource: &str) -> bool {
        let resource = &self.raw["Resources"][resource];
        assert!(resource.is_object(), "the template has no such resource");
        resource["Condition"].is_null() || self.holds(&json!({"Condition": resource["Condition"]}))
    }

    fn holds(&self, condition: &Value) -> bool {
        let Some((function, operands)) = single_entry(condition) else {
            panic!("{condition} is no condition")
        };
        let operand = |index: usize| self.resolve(&operands[index]);
        match function {
            "Condition" => self.holds(&self.raw["Conditions"][text(operands)]),
            "Fn::Or" => operands.as_array().is_some_and(|all| all.iter().any(|one| self.holds(one))),
            "Fn::And" => operands.as_array().is_some_and(|all| all.iter().all(|one| self.holds(one))),
            "Fn::Not" => !self.holds(&operands[0]),
            "Fn::Equals" => text(&operand(0)) == text(&operand(1)),
            "Fn::Contains" => {
                let wanted = text(&operand(1));
                operand(0).as_array().is_some_and(|all| all.iter().any(|one| text(one) == wanted))
            }
            other => panic!("{other} is not understood here"),
        }
    }

    fn resolve(&self, value: &Value) -> Value {
        match (single_entry(value), value) {
            (Some(("Ref", name)), _) => match self.chosen.get(&text(name)) {
                Some(list) if self.parameter(&text(name))["Type"] == "CommaDelimitedList" => {
                    text(list).split(',').collect()
                }
                chosen => chosen.unwrap_or(value).clone(),
            },
            (Some(("Fn::Join", operands)), _) => {
                let parts = self.resolve(&operands[1]);
                match parts.as_array().filter(|parts| parts.iter().all(Value::is_string)) {
                    Some(parts) => {
                        parts.iter().map(text).collect::<Vec<_>>().join(&text(&operands[0])).into()
                    }
                    None => value.clone(),
                }
            }
            (Some(("Fn::Split", operands)), _) => {
                text(&self.resolve(&operands[1])).split(&text(&operands[0])).collect()
            }
            (Some(("Fn::Select", operands)), _) => {
                let index = usize::try_from(number(&operands[0])).expect("an index");
                self.resolve(&operands[1])[index].clone()
            }
            // With its own values where they are known; what only a deployment knows stays in it.
            (Some(("Fn::Sub", operands)), _) if operands.is_array() => {
                let fill = |template: String, (name, value): (String, Value)| {
                    template.replace(&format!("${{{name}}}"), &text(&self.resolve(&value)))
                };
                entries(&operands[1]).fold(text(&operands[0]), fill).into()
            }
            (Some(("Fn::If", branches)), _) => {
                let condition = json!({"Condition": branches[0]});
                self.resolve(&branches[if self.holds(&condition) { 1 } else { 2 }])
            }
            (Some(("Fn::FindInMap", keys)), _) => {
                let key = |index: usize| text(&self.resolve(&keys[index]));
                let found = &self.raw["Mappings"][key(0)][key(1)][key(2)];
                assert!(!found.is_null(), "{keys} finds nothing");
                found.clone()
            }
            (_, Value::Array(items)) => {
                items.iter().map(|item| self.resolve(item)).filter(is_value).collect()
            }
            (_, Value::Object(fields)) => {
                let resolved = fields.iter().map(|(name, field)| (name.clone(), self.resolve(field)));
                Value::Object(resolved.filter(|(_, field)| is_value(field)).collect())
            }
            _ => value.clone(),
        }
    }
}

/// A number, which a parameter gives as a string.
pub(crate) fn number(value: &Value) -> i64 {
    text(value).parse().unwrap_or_else(|_| panic!("{value} is no whole number"))
}

/// A scalar as CloudFormation sees it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => panic!("{value} is no scalar"),
    }
}

fn statements(document: &Value) -> Vec<Value> {
    document["Statement"].as_array().cloned().expect("a policy has statements")
}

fn entries(object: &Value) -> impl Iterator<Item = (String, Value)> {
    object.as_object().cloned().unwrap_or_default().into_iter()
}

fn single_entry(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.iter().next().map(|(name, field)| (name.as_str(), field))
}

fn is_value(value: &Value) -> bool {
    *value != json!({"Ref": "AWS::NoValue"})
}

/// YAML as JSON, with the short forms of functions (`!Ref X`) in their long form (`{"Ref": "X"}`).
fn long_form(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(boolean)) => json!(boolean),
        Yaml::Value(Scalar::Integer(integer)) => json!(integer),
        Yaml::Value(Scalar::FloatingPoint(float)) => json!(float.into_inner()),
        Yaml::Value(Scalar::String(string)) => json!(string),
        Yaml::Sequence(items) => items.iter().map(long_form).collect(),
        Yaml::Mapping(fields) => {
            let field = |(name, field): (&Yaml<'_>, &Yaml<'_>)| (text(&long_form(name)), long_form(field));
            Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, node) => match (tag.suffix.as_str(), long_form(node)) {
            (name @ ("Ref" | "Condition"), operand) => json!({name: operand}),
            ("GetAtt", Value::String(path)) => {
                json!({"Fn::GetAtt": path.split('.').collect::<Vec<_>>()})
            }
            (name, operand) => json!({format!("Fn::{name}"): operand}),
        },
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            panic!("{yaml:?} is not understood here")
        }
    }
}
