//! The program itself, `xinyin`, as a process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use crate::folder::{Folder, repository};
use crate::network;

static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// The program, built once in the profile of the stories; `XINYIN_BINARY` names another one.
pub fn binary() -> &'static PathBuf {
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("XINYIN_BINARY") {
            return PathBuf::from(path);
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--locked", "--package", "xinyin"])
            .current_dir(repository())
            .status()
            .expect("cargo starts");
        assert!(status.success(), "the program does not build");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
        target.join("debug/xinyin")
    })
}

/// What a run that ended said.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

/// Runs the program to its end, at most a minute.
pub async fn run(arguments: &[&str]) -> Ended {
    ended(tokio::process::Command::new(binary()).args(arguments).current_dir(std::env::temp_dir())).await
}

/// The same in a folder, by a user whose data folder is `data_home`.
pub async fn run_in(folder: &Path, data_home: &Path, arguments: &[&str]) -> Ended {
    let mut command = tokio::process::Command::new(binary());
    command.args(arguments).current_dir(folder).env("XDG_DATA_HOME", data_home).env_remove("XINYIN_TRUST");
    ended(&mut command).await
}

async fn ended(command: &mut tokio::process::Command) -> Ended {
    command.kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
    let output = output.expect("it ends within a minute").expect("it starts");
    Ended {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The program while it runs; asked to end when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts it.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(arguments)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().expect("its output is piped"), said.clone());
        listen(child.stderr.take().expect("its complaints are piped"), said.clone());
        Self { child, said }
    }

    /// All that it has printed.
    pub fn said(&self) -> String {
        self.said.lock().expect("no reader panics").clone()
    }

    /// Waits until `url` answers 200, at most `patience`; answers how long that took.
    pub async fn ready(&mut self, url: &str, patience: Duration) -> Duration {
        let client = network::client();
        let begun = Instant::now();
        loop {
            if client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return begun.elapsed();
            }
            let ended = self.child.try_wait().expect("it can be asked");
            assert!(ended.is_none(), "it ended instead of being ready:\n{}", self.said());
            assert!(begun.elapsed() < patience, "{url} is not ready:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends a signal: `-TERM`, `-KILL`, `-STOP`, `-CONT`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("kill starts").success());
    }

    /// Waits until it ends by itself, at most `patience`.
    pub async fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// Asks it to end, and waits for it, at most fifteen seconds.
    pub fn end(&mut self) -> Option<ExitStatus> {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        for _ in 0..300 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && self.end().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn listen(pipe: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut said = said.lock().expect("no writer panics");
            said.push_str(&line);
            said.push('\n');
        }
    });
}

/// The demonstration world on its own addresses: one at a time, since they are fixed.
#[derive(Debug)]
pub struct Up {
    /// The program.
    pub process: Process,
    /// How long the start took.
    pub took: Duration,
    folder: Folder,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: AsyncMutex<()> = AsyncMutex::const_new(());

/// The addresses of the demonstration.
pub mod address {
    /// idp.
    pub const IDP: &str = "http://localhost:8080";
    /// licence-signer.
    pub const SIGNER: &str = "http://localhost:8081";
    /// The verification desk.
    pub const DESK: &str = "http://localhost:8082";
    /// The portal that shows each step.
    pub const PORTAL: &str = "http://localhost:8083";
    /// Simulated registers.
    pub const SIMULATORS: &str = "http://localhost:8084";
    /// The second portal.
    pub const SECOND_PORTAL: &str = "http://localhost:8085";
    /// All six.
    pub const ALL: [&str; 6] = [IDP, SIGNER, DESK, PORTAL, SIMULATORS, SECOND_PORTAL];
}

impl Up {
    /// `xinyin up` in a new data folder, waited for until every service is ready.
    pub async fn start() -> Self {
        Self::start_in(Folder::new("up")).await
    }

    /// `xinyin up` in a data folder that may hold something.
    pub async fn start_in(folder: Folder) -> Self {
        let alone = ALONE.lock().await;
        let data = folder.path().to_string_lossy().into_owned();
        tokio::task::spawn_blocking(binary).await.expect("the program builds");
        let begun = Instant::now();
        let mut process = Process::start(&["up", "--data", &data]);
        for address in address::ALL {
            process.ready(&format!("{address}/livez"), Duration::from_mins(1)).await;
        }
        Self { process, took: begun.elapsed(), folder, _alone: alone }
    }

    /// The data folder.
    pub fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// `test-persons.json`.
    pub fn persons(&self) -> Value {
        let text = std::fs::read(self.data().join("test-persons.json")).expect("up writes its persons");
        serde_json::from_slice(&text).expect("they are JSON")
    }
}
