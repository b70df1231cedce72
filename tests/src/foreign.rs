//! A relying party that others wrote: `openid-client` from npm.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::folder::repository;
use crate::tools::{NODE, node_package};

/// The release that judges.
const VERSION: &str = "6.9.0";

/// A login under way at the foreign client.
#[derive(Debug)]
pub struct ForeignClient {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where it sends the browser.
    pub authorization_url: String,
}

impl ForeignClient {
    /// Lets the client discover `issuer` and begin a login.
    pub async fn begin(issuer: &str, client_id: &str, secret: &str, redirect_uri: &str, scope: &str) -> Self {
        let mut command = Command::new(NODE.path());
        command
            .arg(repository().join("tests/foreign/openid-client.mjs"))
            .env("PACKAGE", node_package("openid-client", VERSION))
            .env("ISSUER", issuer)
            .env("CLIENT_ID", client_id)
            .env("CLIENT_SECRET", secret)
            .env("REDIRECT_URI", redirect_uri)
            .env("SCOPE", scope)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        blocking(move || {
            let mut process = command.spawn().expect("node starts");
            let input = process.stdin.take().expect("its input is piped");
            let output = process.stdout.take().expect("its output is piped");
            let mut client = Self { process, input, output: BufReader::new(output), authorization_url: String::new() };
            client.authorization_url = client.line();
            client
        })
        .await
    }

    /// Gives it the address to which the browser was sent back; answers its claims and userinfo.
    pub async fn finish(mut self, callback: &str) -> Value {
        let callback = callback.to_owned();
        blocking(move || {
            writeln!(self.input, "{callback}").expect("node reads");
            let line = self.line();
            let status = self.process.wait().expect("node ends");
            assert!(status.success(), "the foreign client refused the answer");
            serde_json::from_str(&line).expect("the client prints JSON")
        })
        .await
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("node prints text");
        assert!(!line.is_empty(), "the foreign client gave up; what it says stands above");
        line.trim().to_owned()
    }
}

impl Drop for ForeignClient {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
