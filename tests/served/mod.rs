//! A server of the simulated AWS in a process of its own, which anybody can ask over HTTP.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The server; it ends with this.
pub struct Server {
    process: Child,
    /// `127.0.0.1:40123`.
    pub address: String,
    _directory: TempDir,
}

impl Server {
    /// Starts one with a cloud of its own, in which time passes so many times as fast.
    pub fn start(scale: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_provision"))
            .args(["--time-scale", scale, "local", "serve", "--port", "0"])
            .current_dir(directory.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { process, address, _directory: directory }
    }

    /// Where the SDK finds it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks S3 something, as any client does; gives the answer.
    pub fn asks(&self, method: &str, target: &str, body: &str) -> String {
        self.sends("s3", &format!("{method} {target}"), "", body)
    }

    /// Asks a service that speaks JSON for something: `Logs_20140328.PutRetentionPolicy`.
    pub fn does(&self, service: &str, operation: &str, request: &Value) -> Value {
        let headers = format!("x-amz-target: {operation}\r\n");
        let answer = self.sends(service, "POST /", &headers, &request.to_string());
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_default()
    }

    fn sends(&self, service: &str, what: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let scope = format!("Credential=any/20260101/eu-west-1/{service}/aws4_request");
        write!(
            stream,
            "{what} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: \
             AWS4-HMAC-SHA256 {scope}, Signature=0\r\n{headers}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{what}: {answer}");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
