//! The command line `xinyin`: wires the services, runs them, verifies documents, keeps keys and clients.

mod cli;
mod commands;
mod config;
mod demo;
#[cfg(test)]
mod docs;
mod out;
mod pins;
mod serve;
mod signals;
mod up;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Audit, Cli, Client, Command, Config};
use commands::{Failure, Outcome};

/// What clap's own refusals exit with.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out::complain(&format!("xinyin: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(Failure { sentence, code }) => {
            out::complain(&format!("xinyin: {sentence}"));
            ExitCode::from(code)
        }
    }
}

async fn run(command: Command) -> Outcome {
    match command {
        Command::Config(Config::Check { config, format }) => commands::config_check(&config, format),
        Command::Audit(Audit::Verify { config, data, head, format }) => {
            commands::audit_verify(config.as_deref(), &data, head.as_deref(), format).await
        }
        Command::Verify(args) => commands::verify(&args, keys::sources::Sources::system().now()).await,
        Command::Up(args) => up::up(&args).await,
        Command::Serve(args) => serve::serve(&args).await,
        Command::Keys(keys) => commands::keys(keys).await,
        Command::Client(Client::Add(args)) => commands::client_add(&args).await,
        Command::Client(Client::List { idp, format }) => commands::client_list(&idp, format).await,
        Command::Client(Client::End { client_id, idp, format }) => commands::client_end(&client_id, &idp, format).await,
        Command::Load(args) => commands::load(&args).await,
        Command::ConformanceConfig(args) => commands::conformance_config(&args),
        Command::Doctor(args) => commands::doctor(&args).await,
    }
}
