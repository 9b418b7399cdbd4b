//! What tests ask a recorder beside its listings: how it does, and whether it has caught up.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::Wayside;
use crate::Output;

impl Wayside {
    /// `status --json`.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.run(["status", "--json"]).ok().json()
    }

    /// The status once nothing runs and every exchange is accounted for: forwarded = recorded + marked + lost.
    #[track_caller]
    pub fn settled(&self) -> Value {
        let mut status = Value::Null;
        for _ in 0..200 {
            status = self.status();
            let number =
                |key: &str| status[key].as_u64().unwrap_or_else(|| panic!("`{key}` in {status}"));
            let lost = status["lost"].as_object().expect("losses by reason");
            let lost: u64 = lost.values().map(|count| count.as_u64().expect("a count")).sum();
            if number("open") == 0
                && number("forwarded") == number("recorded") + number("marked") + lost
            {
                return status;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("it never settled: {status:#}\n{}", self.output());
    }

    /// The exchanges that `filter` matches, once each has ended and there are `count`.
    #[track_caller]
    pub fn ended(&self, filter: &str, count: usize) -> Vec<Value> {
        let mut exchanges = Vec::new();
        for _ in 0..200 {
            exchanges = self.exchanges(filter, count);
            let runs = |exchange: &Value| marks(exchange).contains(&"open");
            if !exchanges.iter().any(runs) {
                return exchanges;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("some never ended: {exchanges:#?}\n{}", self.output());
    }

    /// What the console answers at `path` to whoever shows the token.
    #[track_caller]
    pub fn api(&self, path: &str) -> Output {
        let (_, token) = self.console_url().split_once("token=").expect("a token in the link");
        let token = format!("Authorization: Bearer {token}");
        crate::curl(["-H", &token, &format!("http://{}{path}", self.console())])
    }

    /// What `show ID --body HALF` writes, as transferred.
    #[track_caller]
    pub fn body(&self, id: &str, half: &str) -> Vec<u8> {
        self.run(["show", id, "--raw", "--body", half]).ok().stdout
    }
}

/// The marks of an exchange.
pub fn marks(exchange: &Value) -> Vec<&str> {
    let marks = exchange["marks"].as_array().unwrap_or_else(|| panic!("no marks: {exchange}"));
    marks.iter().map(|mark| mark.as_str().expect("a word")).collect()
}

/// The id of an exchange, session or whatever else has one.
#[track_caller]
pub fn id(listed: &Value) -> &str {
    listed["id"].as_str().unwrap_or_else(|| panic!("no id: {listed}"))
}
