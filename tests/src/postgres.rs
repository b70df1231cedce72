//! A real PostgreSQL for one run of the stories: in a temporary folder, as an unprivileged user, gone with the run.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store::{Db, Settings};
use tokio::sync::OnceCell;

use crate::folder::Folder;
use crate::tools::{INITDB, POSTGRES};

/// A running server, or the one that `DATABASE_URL` names.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    server: Option<Server>,
}

/// The server's keeper: a shell that waits for its input to end, which it does when this process ends, however.
#[derive(Debug)]
struct Server {
    keeper: Child,
    folder: Folder,
}

static SHARED: OnceCell<Postgres> = OnceCell::const_new();
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Stops the server and removes its folder when the pipe from the stories' process is closed.
const KEEPER: &str = r#"
"$1" -D "$3/data" -k "$3" -F -c listen_addresses= -c max_connections=200 -c shared_buffers=64MB \
    -c synchronous_commit="$2" -c timezone=UTC -c log_min_messages=fatal >"$3/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT "$server"
wait "$server"
rm -rf "$3"
"#;

impl Postgres {
    /// The server that all stories of this process share.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    /// Starts a server of its own, without waiting for the disk (`-F`), or takes the one of `DATABASE_URL`.
    pub async fn start() -> Self {
        if let Ok(url) = std::env::var("DATABASE_URL") {
            return Self { url, server: None };
        }
        let folder = Folder::new("postgres");
        let server = tokio::task::spawn_blocking(move || Server::start(folder)).await.expect("the starter ends");
        let url = format!("postgres:///postgres?host={}&user=xinyin", server.folder.path().display());
        let postgres = Self { url, server: Some(server) };
        postgres.wait().await;
        postgres
    }

    /// Makes an empty database and answers its address.
    pub async fn fresh(&self, label: &str) -> String {
        let name = format!("xinyin_{label}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let db = Db::connect(&self.url, &Settings::default()).await.expect("PostgreSQL answers");
        let sql = format!("CREATE DATABASE {name}");
        run(&db, sql).await.expect("a database can be made (DATABASE_URL's user needs CREATEDB)");
        db.close().await;
        let mut url = url::Url::parse(&self.url).expect("an address");
        url.set_path(&name);
        url.into()
    }

    /// Freezes the server and all its processes, as a machine does that loses its disk or its power of scheduling.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Ends all connections, as a restart of the server does.
    pub async fn cut_connections(&self) {
        let db = Db::connect(&self.url, &Settings::default()).await.expect("PostgreSQL answers");
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
            AND backend_type = 'client backend'";
        run(&db, sql.to_owned()).await.expect("they are ended");
        db.close().await;
    }

    fn signal(&self, signal: &str) {
        let server = self.server.as_ref().expect("only a server of our own is frozen");
        let file = std::fs::read_to_string(server.folder.path().join("data/postmaster.pid")).expect("it runs");
        let postmaster = file.lines().next().expect("its first line is the process").to_owned();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &postmaster]).output().expect("ps starts");
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        let status = Command::new("kill").arg(signal).arg(&postmaster).args(children.split_whitespace()).status();
        assert!(status.expect("kill starts").success());
    }

    async fn wait(&self) {
        for _ in 0..150 {
            let settings = Settings { acquire: Duration::from_secs(2), ..Settings::default() };
            if let Ok(db) = Db::connect(&self.url, &settings).await {
                db.close().await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("PostgreSQL did not start within 15 s");
    }
}

/// Runs SQL made here, outside any transaction.
async fn run(db: &Db, sql: String) -> Result<(), store::StorageError> {
    use store::sqlx;
    let mut reader = db.reader().await?;
    store::on!(&mut reader, c => sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(c).await.map(drop))
}

impl Server {
    fn start(folder: Folder) -> Self {
        let path = folder.path().to_owned();
        let user = user_for(&path);
        let initdb = user
            .command(INITDB.path())
            .args(["--no-sync", "-A", "trust", "-U", "xinyin", "-E", "UTF8", "--locale=C", "-D"])
            .arg(path.join("data"))
            .output()
            .expect("initdb starts");
        assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
        let keeper = user
            .command(PathBuf::from("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(POSTGRES.path())
            .arg("off")
            .arg(&path)
            .current_dir(&path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        Self { keeper, folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Who runs the server: PostgreSQL refuses to be run by root.
enum User {
    Self_,
    Other { uid: u32, gid: u32 },
}

impl User {
    fn command(&self, program: PathBuf) -> Command {
        match self {
            Self::Self_ => Command::new(program),
            Self::Other { uid, gid } => {
                let mut command = Command::new("setpriv");
                command
                    .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()])
                    .arg(program);
                command
            }
        }
    }
}

fn user_for(folder: &std::path::Path) -> User {
    let owner = folder.metadata().expect("the folder was made").uid();
    if owner != 0 {
        return User::Self_;
    }
    let id = |flag: &str, name: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    for name in ["postgres", "nobody"] {
        if let (Some(uid), Some(gid)) = (id("-u", name), id("-g", name)) {
            chown(folder, Some(uid), Some(gid)).expect("root may give a folder away");
            return User::Other { uid, gid };
        }
    }
    panic!("PostgreSQL refuses to be run by root, and there is neither a user postgres nor nobody");
}
