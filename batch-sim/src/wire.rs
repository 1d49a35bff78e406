//! Batch on the wire: requests read, answers written, as REST-JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::{ErrorAnswer, Page, ShownJob};

mod parse;
mod respell;

pub(crate) use parse::{Ask, Request, parse};

/// An HTTP answer before it is one.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Sent as `x-amzn-errortype`.
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// 200 with this as JSON.
    pub(crate) fn json(body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self::ok(body),
            Err(error) => Self::error(500, "ServerException", &error.to_string()),
        }
    }

    pub(crate) fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, code: None, headers: BTreeMap::new(), body }
    }

    pub(crate) fn error(status: u16, code: impl Into<Cow<'static, str>>, message: &str) -> Self {
        Self { code: Some(code.into()), ..Self::uncoded(status, message) }
    }

    /// An error that names no code, as from something that is not Batch.
    pub(crate) fn uncoded(status: u16, message: &str) -> Self {
        Self { status, code: None, headers: BTreeMap::new(), body: message_body(message) }
    }

    /// 400 `ClientException`, worded as Batch does.
    pub(crate) fn refusal(text: &str, request_id: &str) -> Self {
        let message = format!("Error executing request, Exception : {text}, RequestId: {request_id}");
        Self::error(400, "ClientException", &message)
    }

    /// What API Gateway, in front of Batch, says to a path or method it does not know.
    pub(crate) fn unknown_path() -> Self {
        Self::error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    pub(crate) fn fault(answer: ErrorAnswer) -> Self {
        Self {
            status: answer.status,
            code: answer.code.map(Cow::Owned),
            headers: answer.headers,
            body: match (answer.body, answer.message) {
                (Some(body), _) => body.into_bytes(),
                (None, Some(message)) => message_body(&message),
                (None, None) => Vec::new(),
            },
        }
    }

    /// The same answer, with this job's id, or every job's, in upper case.
    pub(crate) fn in_upper_case(self, only: Option<&str>) -> Self {
        Self { body: respell::upper_case(&self.body, only), ..self }
    }
}

/// The answer to `DescribeJobs`.
pub(crate) fn described(jobs: &[ShownJob]) -> Answer {
    #[derive(Serialize)]
    struct Body<'a> {
        jobs: &'a [ShownJob],
    }
    Answer::json(&Body { jobs })
}

/// The answer to `ListJobs`.
pub(crate) fn listed(page: &Page) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        job_summary_list: &'a [ShownJob],
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }
    Answer::json(&Body { job_summary_list: &page.jobs, next_token: page.next.map(parse::token) })
}

fn message_body(message: &str) -> Vec<u8> {
    serde_json::json!({ "message": message }).to_string().into_bytes()
}

/// The id Batch would log a request under, made from the call's number.
pub(crate) fn request_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}
