//! The command line: what `xinyin --help` shows.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Unified identity and e-licence authority: signs people in, issues electronic licences, verifies them.
#[derive(Parser)]
#[command(
    name = "xinyin",
    version,
    about,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done or valid · 1 failed, invalid or not in force · 2 undetermined · 64 wrong usage.\nDocumentation: docs/ in the source."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine with the demonstration world (SQLite, loopback only)
    Up(Up),
    /// Run one service from a configuration file
    Serve(Serve),
    /// Verify a licence, a code or another document
    Verify(Verify),
    /// Keys: make, list, rotate, export the trust bundle
    #[command(subcommand)]
    Keys(Keys),
    /// Relying parties of the idp
    #[command(subcommand)]
    Client(Client),
    /// The configuration of a service
    #[command(subcommand)]
    Config(Config),
    /// Bring in what a service works upon, from JSON files
    Load(Load),
    /// Look for what would keep a service from working
    Doctor(Doctor),
    /// The audit record
    #[command(subcommand)]
    Audit(Audit),
    /// Write what a run of the OpenID conformance suite needs: a provider's configuration and the suite's own
    ConformanceConfig(ConformanceConfig),
}

/// `xinyin up`
#[derive(Args)]
pub(crate) struct Up {
    /// Folder for databases, keys and samples; made on the first start, kept afterwards
    #[arg(long, default_value = "./data")]
    pub data: PathBuf,
    /// Debug builds alone: licence-signer kills the process while it issues, after this step
    #[arg(long, env = "XINYIN_DANGER_STOP_AFTER", hide = true)]
    pub danger_stop_after: Option<String>,
}

/// `xinyin serve`
#[derive(Args)]
pub(crate) struct Serve {
    /// Which service
    pub service: Service,
    /// Its configuration (TOML)
    #[arg(long)]
    pub config: PathBuf,
}

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Identity: OpenID Connect provider, accounts
    Idp,
    /// Licences: issuing, library, status, log
    LicenceSigner,
    /// Verification desk
    Desk,
}

/// `xinyin verify`
#[derive(Args)]
pub(crate) struct Verify {
    /// The document, or - for standard input
    pub file: PathBuf,
    /// A trust bundle of your own choice
    #[arg(long, env = "XINYIN_TRUST")]
    pub trust: Option<PathBuf>,
    /// Judge as of this time (RFC 3339) instead of now
    #[arg(long)]
    pub at: Option<String>,
    /// Fetch nothing
    #[arg(long)]
    pub offline: bool,
    /// Status lists and the like, saved earlier
    #[arg(long)]
    pub evidence: Option<PathBuf>,
    /// How to print the report
    #[arg(long, default_value = "text")]
    pub format: Format,
    /// Language of the text
    #[arg(long, default_value = "en")]
    pub lang: Language,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English
    En,
    /// 中文
    #[value(name = "zh-CN", alias = "zh")]
    ZhCn,
}

/// Which key store, and how to open it: as a configuration says, or by its files.
#[derive(Args)]
pub(crate) struct StoreArgs {
    /// Configuration of the service that owns it
    #[arg(long, conflicts_with_all = ["store", "passphrase_file"])]
    pub config: Option<PathBuf>,
    /// The key store's file
    #[arg(long, required_unless_present = "config", requires = "passphrase_file")]
    pub store: Option<PathBuf>,
    /// A file with its passphrase
    #[arg(long)]
    pub passphrase_file: Option<PathBuf>,
}

/// `xinyin keys …`
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a service's key store with its keys; licence-signer's authority is founded with them
    Init {
        /// For which service
        service: Service,
        /// Its configuration, which names the key store and, for licence-signer, authority, region and `oid_arc`
        #[arg(long)]
        config: PathBuf,
    },
    /// List keys with purpose, state and times
    List {
        #[command(flatten)]
        store: StoreArgs,
        /// How to print
        #[arg(long, default_value = "text")]
        format: Format,
    },
    /// Announce a successor of a purpose's active key
    Rotate {
        /// The purpose, as `list` prints it
        purpose: String,
        /// The kind of its keys, as `list` prints it, where a purpose has several (`id_token`)
        #[arg(long)]
        kind: Option<String>,
        #[command(flatten)]
        store: StoreArgs,
        /// How to print
        #[arg(long, default_value = "text")]
        format: Format,
    },
    /// Write licence-signer's trust bundle and certificates, and print the root's fingerprint
    ExportTrust {
        /// Folder to write into
        folder: PathBuf,
        /// Configuration of licence-signer
        #[arg(long)]
        config: PathBuf,
        /// How to print
        #[arg(long, default_value = "text")]
        format: Format,
    },
}

/// `xinyin client …`
#[derive(Subcommand)]
pub(crate) enum Client {
    /// Register a relying party; prints its secret once
    Add(Box<ClientAdd>),
    /// List the registered ones, and where each one's registration comes from
    List {
        #[command(flatten)]
        idp: IdpArgs,
        /// How to print
        #[arg(long, default_value = "text")]
        format: Format,
    },
    /// End a registration: its grants and tokens are revoked, people's consents forgotten
    End {
        /// Its identifier
        client_id: String,
        #[command(flatten)]
        idp: IdpArgs,
        /// How to print
        #[arg(long, default_value = "text")]
        format: Format,
    },
}

/// Which idp.
#[derive(Args)]
pub(crate) struct IdpArgs {
    /// Configuration of the idp; without it the demonstration in --data
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Folder of the demonstration
    #[arg(long, default_value = "./data")]
    pub data: PathBuf,
}

/// `xinyin client add`
#[derive(Args)]
pub(crate) struct ClientAdd {
    #[command(flatten)]
    pub idp: IdpArgs,
    /// Its identifier
    #[arg(long)]
    pub client_id: String,
    /// Its name, as people read it
    #[arg(long)]
    pub name: String,
    /// Where it may be answered, exactly; may be given several times
    #[arg(long = "redirect-uri")]
    pub redirect_uris: Vec<String>,
    /// Where a signed-out browser may go
    #[arg(long = "post-logout-redirect-uri")]
    pub post_logout_redirect_uris: Vec<String>,
    /// How it proves itself
    #[arg(long, default_value = "client_secret_basic")]
    pub auth_method: String,
    /// A file with its JWK Set (`private_key_jwt`)
    #[arg(long)]
    pub jwks_file: Option<PathBuf>,
    /// Scopes that it may ask for, separated by blanks
    #[arg(long, default_value = "openid profile")]
    pub scope: String,
    /// Resources that it may name
    #[arg(long = "resource")]
    pub resources: Vec<String>,
    /// Its region
    #[arg(long, default_value = "640100")]
    pub region: String,
    /// Sector of its subjects; its identifier if absent
    #[arg(long)]
    pub sector: Option<String>,
    /// Credit code of the department that it belongs to
    #[arg(long)]
    pub organisation: Option<String>,
    /// A person may act for an organisation there
    #[arg(long)]
    pub organisations: bool,
    /// Signing algorithm of its ID tokens
    #[arg(long, default_value = "ES256")]
    pub id_token_alg: String,
    /// Let an old confidential client go without PKCE
    #[arg(long)]
    pub danger_pkce_optional: bool,
    /// How to print
    #[arg(long, default_value = "text")]
    pub format: Format,
}

/// `xinyin load`
#[derive(Args)]
pub(crate) struct Load {
    /// For which service
    pub service: Loadable,
    /// idp: organisations.json, persons.json. licence-signer: departments.json, types.json, matters.json. What a folder
    /// lacks is left as it is
    pub folder: PathBuf,
    /// Configuration of the service
    #[arg(long)]
    pub config: PathBuf,
}

/// A service that is worked upon from files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Loadable {
    /// Organisations, and persons with those for whom they may act
    Idp,
    /// Departments, licence types and matters; departments' keys are certified
    LicenceSigner,
}

/// `xinyin config …`
#[derive(Subcommand)]
pub(crate) enum Config {
    /// Print the whole configuration in force, secrets hidden, and where each value came from
    Check {
        /// The file
        #[arg(long)]
        config: PathBuf,
        /// How to print
        #[arg(long, default_value = "text")]
        format: Format,
    },
}

/// `xinyin doctor`
#[derive(Args)]
pub(crate) struct Doctor {
    /// A configuration to look at; without it the demonstration in --data
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Folder of the demonstration
    #[arg(long, default_value = "./data")]
    pub data: PathBuf,
    /// How to print
    #[arg(long, default_value = "text")]
    pub format: Format,
}

/// `xinyin audit …`
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Walk the whole chain and report the first break, if any, and what is not chained yet
    Verify {
        /// Configuration of the service; without it every service of the demonstration in --data
        #[arg(long)]
        config: Option<PathBuf>,
        /// Folder of the demonstration
        #[arg(long, default_value = "./data")]
        data: PathBuf,
        /// A head that an earlier run printed, as SIZE:DIGEST: what was cut off or written anew below it is found
        #[arg(long, requires = "config")]
        head: Option<String>,
        /// How to print
        #[arg(long, default_value = "text")]
        format: Format,
    },
}

/// `xinyin conformance-config`
#[derive(Args)]
pub(crate) struct ConformanceConfig {
    /// Folder to write into
    pub folder: PathBuf,
    /// Where the provider will be reached
    #[arg(long, default_value = "https://localhost:18444")]
    pub external_url: String,
    /// Address and port at which it listens
    #[arg(long, default_value = "127.0.0.1:18444")]
    pub listen: String,
    /// Its database
    #[arg(long, default_value = "sqlite://idp.db")]
    pub database_url: String,
    /// Where the suite is reached
    #[arg(long, default_value = "https://localhost:18443")]
    pub suite: String,
    /// The name of the run in the suite's addresses
    #[arg(long, default_value = "xinyin")]
    pub alias: String,
    /// Write files anew that are there
    #[arg(long)]
    pub force: bool,
    /// How to print
    #[arg(long, default_value = "text")]
    pub format: Format,
}
