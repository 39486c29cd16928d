//! Configuration: defaults, then `accolade.toml`, then `ACCOLADE_…`, then flags. Read once, at the start.
//!
//! The defaults run the embedded server: SQLite and a folder, nothing else installed. An unknown key in
//! the file is an error, and every value is checked before anything starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::graphql::guard::MAX_COST;
use crate::platform::blob::{S3Config, StoreConfig};
use crate::platform::db::DatabaseConfig;
use crate::platform::fetch::Rules;
use crate::platform::room::Reserve;

/// What may stand in the file, the environment and the flags; all of it optional.
#[derive(Clone, Debug, Default, Deserialize, Serialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address and port to listen on [default: 127.0.0.1:4000].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Where the SQLite database and the folder of files are kept [default: ./data].
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// `sqlite://PATH` or `postgres://…` [default: accolade.db in the data directory].
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// `file://DIR` or `s3://BUCKET/PREFIX` [default: files in the data directory].
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_url: Option<String>,
    /// How the server is reached from outside; the addresses that it gives out begin with it.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Another origin, such as `https://files.example.net`, under which files are handed out, and nothing else.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_origin: Option<String>,
    /// Who hands out the bytes of a bucket: the server, or the bucket itself at an address of a few seconds [default: stream].
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Bytes of a disk that uploads leave free [default: 1073741824, which is 1 GiB].
    #[arg(long, value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_bytes: Option<u64>,
    /// The share of a disk that uploads leave free [default: 5].
    #[arg(long, value_name = "PERCENT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_percent: Option<u8>,
    /// Bytes of the largest file that can be sent in pieces [default: 53687091200, which is 50 GiB].
    #[arg(long, value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_max_bytes: Option<u64>,
    /// Hours after which an upload that nothing is added to, or that is not used, is gone [default: 24].
    #[arg(long, value_name = "HOURS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_expires_hours: Option<u32>,
    /// Bytes a second at which stored files are read again in the background; 0: not at all [default: 1048576].
    #[arg(long, value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrub_bytes_per_second: Option<u64>,
    /// Whether the pages that evidence names, and those where placements are live, are fetched [default: true; in
    /// the demo: false].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_pages: Option<bool>,
    /// The ports that pages are fetched from, such as `80,443,8443` [default: 80,443].
    #[arg(long, value_name = "PORTS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_ports: Option<String>,
    /// `host:port` of servers on your own network whose pages may be fetched, with commas between them [default: none].
    #[arg(long, value_name = "HOSTS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_hosts: Option<String>,
    /// Connections to PostgreSQL, or readers of SQLite [default: 16, or 4].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_connections: Option<u32>,
    /// Memory for what was read of contents, in bytes; 0: none is kept [default: 33554432, which is 32 MiB].
    #[arg(long, value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts_cache_bytes: Option<u64>,
    /// Memory for small files that are asked for again and again, in bytes; 0: none is kept. Those from 32 KiB on count twice [default: 33554432, which is 32 MiB].
    #[arg(long, value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_cache_bytes: Option<u64>,
    /// Memory for coverage that was worked out before, in bytes; 0: none is kept [default: 67108864, which is 64 MiB].
    #[arg(long, value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage_cache_bytes: Option<u64>,
    /// The S3 endpoint, where it is not Amazon's; `http://` is allowed if it is written so.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_endpoint: Option<String>,
    /// The S3 region [default: us-east-1].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_region: Option<String>,
    /// The S3 access key; without one, the machine's own identity is asked.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_access_key_id: Option<String>,
    /// The secret of the S3 access key.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_secret_access_key: Option<String>,
    /// A file that holds the secret of the S3 access key, instead of the secret itself.
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_secret_access_key_file: Option<PathBuf>,
    /// How the log is written [default: text].
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
    /// What is logged, such as `info` or `accolade=debug` [default: info, migrations quiet].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Whether GraphiQL is served under /graphiql/ [default: true].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphiql: Option<bool>,
    /// Whether /metrics is served [default: true].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    /// Whether GraphQL tells its schema and suggests names [default: true].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection: Option<bool>,
    /// Points of cost that a token may spend at once; 0: as many as it likes [default: 200000].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_capacity: Option<u32>,
    /// Points of cost that a token gets back each second [default: 50000].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_refill: Option<u32>,
    /// Longest that an operation, or a statement of it, may take, in milliseconds [default: 10000].
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_timeout_ms: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// How stored bytes reach those who may have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// Through the server.
    #[default]
    Stream,
    /// From the bucket, which a redirect leads to.
    Redirect,
}

/// The checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// Absolute, as is a folder that is the store.
    pub data_dir: PathBuf,
    pub database: DatabaseConfig,
    /// Memory for the facts of contents.
    pub facts_cache_bytes: u64,
    /// Memory for small files that are asked for again and again.
    pub delivery_cache_bytes: u64,
    /// Memory for coverage that was worked out before.
    pub coverage_cache_bytes: u64,
    pub store: StoreConfig,
    /// The program whose command `draw` draws renditions; this one, unless set.
    pub draw_program: Option<PathBuf>,
    /// What uploads leave free of the disk they go to.
    pub reserve: Reserve,
    /// Files that are sent in pieces.
    pub uploads: UploadLimits,
    /// How fast stored files are read again in the background; 0: not at all.
    pub scrub_bytes_per_second: u64,
    /// Which pages are fetched; none where they are not.
    pub fetch: Option<Rules>,
    /// Without a slash at its end.
    pub public_url: Url,
    /// Where files are handed out, if not there.
    pub content_origin: Option<Url>,
    /// Who hands out the bytes; a folder cannot.
    pub delivery: Delivery,
    pub log_format: LogFormat,
    pub log: String,
    pub graphiql: bool,
    pub metrics: bool,
    pub limits: Limits,
}

/// How large a file that is sent in pieces may be, and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimits {
    pub max_bytes: u64,
    /// How long an upload waits for more, or to be used, in milliseconds.
    pub expires_ms: i64,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            max_bytes: 50 << 30,
            expires_ms: 24 * HOUR_MS,
        }
    }
}

const HOUR_MS: i64 = 3_600_000;
/// A larger file would have larger parts in a bucket, each of which stands in memory.
const MOST_UPLOAD_BYTES: u64 = 256 << 30;
/// A year.
const MOST_UPLOAD_HOURS: u32 = 8_760;

impl UploadLimits {
    fn check(settings: &Settings) -> anyhow::Result<Self> {
        let default = Self::default();
        let max_bytes = settings.upload_max_bytes.unwrap_or(default.max_bytes);
        ensure!(
            (1..=MOST_UPLOAD_BYTES).contains(&max_bytes),
            "upload_max_bytes must be from 1 to {MOST_UPLOAD_BYTES}"
        );
        let hours = settings.upload_expires_hours.unwrap_or(24);
        ensure!(
            (1..=MOST_UPLOAD_HOURS).contains(&hours),
            "upload_expires_hours must be from 1 to {MOST_UPLOAD_HOURS}"
        );
        Ok(Self {
            max_bytes,
            expires_ms: i64::from(hours) * HOUR_MS,
        })
    }
}

/// What one caller may ask of GraphQL.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Whether the schema is told.
    pub introspection: bool,
    /// Points of cost that a token may spend at once; 0: no bound.
    pub cost_capacity: u32,
    /// Points of cost that a token gets back each second.
    pub cost_refill: u32,
    /// Longest that an operation may take.
    pub operation_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            introspection: true,
            cost_capacity: 200_000,
            cost_refill: 50_000,
            operation_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Longest that a statement may take: a little longer than its operation, which is told of its own end first.
    #[must_use]
    pub fn statement_timeout(&self) -> Duration {
        self.operation_timeout + Duration::from_millis(500)
    }

    fn check(settings: &Settings) -> anyhow::Result<Self> {
        let default = Self::default();
        let timeout = settings
            .operation_timeout_ms
            .map(|ms| Duration::from_millis(ms.into()));
        let limits = Self {
            introspection: settings.introspection.unwrap_or(default.introspection),
            cost_capacity: settings.cost_capacity.unwrap_or(default.cost_capacity),
            cost_refill: settings.cost_refill.unwrap_or(default.cost_refill),
            operation_timeout: timeout.unwrap_or(default.operation_timeout),
        };
        ensure!(
            limits.cost_capacity == 0 || u64::from(limits.cost_capacity) >= MAX_COST,
            "cost_capacity must be 0, or at least {MAX_COST}, which is what the dearest query costs"
        );
        ensure!(limits.cost_refill > 0, "cost_refill must be at least 1");
        ensure!(
            !limits.operation_timeout.is_zero(),
            "operation_timeout_ms must be at least 1"
        );
        Ok(limits)
    }
}

impl Config {
    /// Reads the file (the one named, else `accolade.toml` where there is one), the environment and the flags.
    pub fn load(file: Option<&std::path::Path>, flags: &Settings) -> anyhow::Result<Self> {
        Self::load_over(&Settings::default(), file, flags)
    }

    /// The same for a command with defaults of its own.
    pub fn load_over(
        defaults: &Settings,
        file: Option<&std::path::Path>,
        flags: &Settings,
    ) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(defaults));
        if let Some(file) = file {
            ensure!(
                file.exists(),
                "the configuration file {} does not exist",
                file.display()
            );
        }
        // These three are for scripts that speak to a server, not for the server.
        let environment = Env::prefixed("ACCOLADE_").ignore(&["config", "url", "token"]);
        figment = figment
            .merge(Toml::file(
                file.unwrap_or(std::path::Path::new("accolade.toml")),
            ))
            .merge(environment.clone());
        // A key or password of digits only is a text, too.
        for (name, text) in environment.iter() {
            if TEXTS.contains(&name.as_str()) {
                figment = figment.merge(Serialized::default(name.as_str(), text));
            }
        }
        figment = figment.merge(Serialized::defaults(flags));
        let settings: Settings = figment
            .extract()
            .map_err(without_values)
            .context("reading the configuration")?;
        Self::check(settings)
    }

    fn check(settings: Settings) -> anyhow::Result<Self> {
        let listen = settings
            .listen
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4000)));
        let data_dir = settings
            .data_dir
            .clone()
            .unwrap_or_else(|| PathBuf::from("data"));
        let database_url = settings
            .database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", data_dir.join("accolade.db").display()));
        let sqlite = database_url.starts_with("sqlite://");
        ensure!(
            sqlite
                || database_url.starts_with("postgres://")
                || database_url.starts_with("postgresql://"),
            "database_url must begin with sqlite:// or postgres://"
        );
        let connections = settings
            .database_connections
            .unwrap_or(if sqlite { 4 } else { 16 });
        ensure!(connections > 0, "database_connections must be at least 1");
        let public = settings
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{listen}"));
        let public_url: Url = public.parse().context("public_url is not a URL")?;
        ensure!(
            matches!(public_url.scheme(), "http" | "https"),
            "public_url must begin with http:// or https://"
        );
        let content_origin = content_origin(&settings, &public_url)?;
        // Workers open files too, and stand elsewhere.
        let data_dir = std::path::absolute(data_dir).context("data_dir is no folder")?;
        let store = store(&settings, &data_dir)?;
        let delivery = settings.delivery.unwrap_or_default();
        ensure!(
            delivery == Delivery::Stream || matches!(store, StoreConfig::S3(_)),
            "delivery = \"redirect\" needs a bucket to redirect to: set store_url to s3://BUCKET, or delivery to \"stream\""
        );
        let limits = Limits::check(&settings)?;
        let uploads = UploadLimits::check(&settings)?;
        let reserve = Reserve {
            bytes: settings.reserve_bytes.unwrap_or(1 << 30),
            percent: settings.reserve_percent.unwrap_or(5),
        };
        ensure!(
            reserve.percent < 100,
            "reserve_percent must be less than 100"
        );
        Ok(Self {
            listen,
            data_dir,
            database: DatabaseConfig {
                url: database_url,
                connections,
                statement_timeout: limits.statement_timeout(),
            },
            facts_cache_bytes: settings.facts_cache_bytes.unwrap_or(32 << 20),
            delivery_cache_bytes: settings.delivery_cache_bytes.unwrap_or(32 << 20),
            coverage_cache_bytes: settings.coverage_cache_bytes.unwrap_or(64 << 20),
            store,
            draw_program: None,
            reserve,
            uploads,
            scrub_bytes_per_second: settings.scrub_bytes_per_second.unwrap_or(1 << 20),
            fetch: fetch(&settings)?,
            public_url,
            content_origin,
            delivery,
            log_format: settings.log_format.unwrap_or_default(),
            log: settings.log.unwrap_or_else(|| {
                "info,sea_orm_migration=warn,sqlx::postgres::notice=warn".to_owned()
            }),
            graphiql: settings.graphiql.unwrap_or(true),
            metrics: settings.metrics.unwrap_or(true),
            limits,
        })
    }
}

impl Config {
    /// What the addresses of files begin with, without a slash at its end.
    #[must_use]
    pub fn content_url(&self) -> &str {
        let url = self.content_origin.as_ref().unwrap_or(&self.public_url);
        url.as_str().trim_end_matches('/')
    }
}

/// An origin alone, and one that is not the server's own: what is told apart by it must differ.
fn content_origin(settings: &Settings, public_url: &Url) -> anyhow::Result<Option<Url>> {
    let Some(text) = &settings.content_origin else {
        return Ok(None);
    };
    let url: Url = text.parse().context("content_origin is not a URL")?;
    ensure!(
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none(),
        "content_origin must be http:// or https:// and a host, and nothing after it"
    );
    let place = |url: &Url| {
        (
            url.host_str().map(str::to_owned),
            url.port_or_known_default(),
        )
    };
    ensure!(
        place(&url) != place(public_url),
        "content_origin must have another host than public_url"
    );
    Ok(Some(url))
}

/// What may be fetched; none where nothing is.
fn fetch(settings: &Settings) -> anyhow::Result<Option<Rules>> {
    if settings.fetch_pages == Some(false) {
        return Ok(None);
    }
    let mut rules = Rules::default();
    if let Some(text) = &settings.fetch_ports {
        let ports = text.split(',').map(|port| port.trim().parse::<u16>());
        let ports: Result<Vec<u16>, _> = ports.collect();
        rules.ports = ports.context("fetch_ports must be port numbers with commas between them")?;
    }
    let hosts = settings.fetch_hosts.as_deref().unwrap_or_default();
    for host in hosts.split(',').map(str::trim).filter(|h| !h.is_empty()) {
        let port = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        ensure!(
            matches!(port, Some(Ok(_))),
            "fetch_hosts must be HOST:PORT with commas between them"
        );
        rules.hosts.push(host.to_owned());
    }
    Ok(Some(rules))
}

/// The settings that are texts, however they look.
const TEXTS: [&str; 13] = [
    "fetch_ports",
    "fetch_hosts",
    "data_dir",
    "database_url",
    "store_url",
    "public_url",
    "content_origin",
    "s3_endpoint",
    "s3_region",
    "s3_access_key_id",
    "s3_secret_access_key",
    "s3_secret_access_key_file",
    "log",
];

/// What is wrong and where, without the value that stands there: it may be a secret, and errors are logged.
fn without_values(error: figment::Error) -> anyhow::Error {
    let texts = error.into_iter().map(|mut error| {
        error.kind = match error.kind {
            Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => {
                Kind::Message(format!("expected {wanted}, found something else"))
            }
            Kind::UnknownVariant(_, known) => {
                Kind::Message(format!("expected one of {}", known.join(", ")))
            }
            // TOML quotes the line that it cannot read.
            Kind::Message(text) => Kind::Message(
                text.lines()
                    .filter(|line| {
                        !line
                            .trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')
                            .starts_with('|')
                    })
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
            kind => kind,
        };
        error.to_string()
    });
    anyhow!(texts.collect::<Vec<_>>().join("; "))
}

fn store(settings: &Settings, data_dir: &std::path::Path) -> anyhow::Result<StoreConfig> {
    let Some(url) = &settings.store_url else {
        return Ok(StoreConfig::Folder(data_dir.join("files")));
    };
    if let Some(folder) = url.strip_prefix("file://") {
        let folder = std::path::absolute(folder).context("store_url names no folder")?;
        return Ok(StoreConfig::Folder(folder));
    }
    let Some(place) = url.strip_prefix("s3://") else {
        bail!("store_url must begin with file:// or s3://");
    };
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    ensure!(
        !bucket.is_empty(),
        "store_url must name a bucket: s3://BUCKET"
    );
    let secret = match (
        &settings.s3_secret_access_key,
        &settings.s3_secret_access_key_file,
    ) {
        (Some(_), Some(_)) => {
            bail!("give s3_secret_access_key or s3_secret_access_key_file, not both")
        }
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("reading s3_secret_access_key_file {}", file.display()))?;
            Some(text.trim().to_owned())
        }
        (secret, None) => secret.clone(),
    };
    Ok(StoreConfig::S3(S3Config {
        bucket: bucket.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
        region: settings
            .s3_region
            .clone()
            .unwrap_or_else(|| "us-east-1".to_owned()),
        endpoint: settings.s3_endpoint.clone(),
        access_key_id: settings.s3_access_key_id.clone(),
        secret_access_key: secret,
    }))
}
