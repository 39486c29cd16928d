//! For tests: a database of their own, on SQLite, or on the PostgreSQL that `TEST_DATABASE_URL` names.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot have its database fails"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use crate::config::{Config, Delivery, Limits, LogFormat, UploadLimits};
use crate::platform::blob::StoreConfig;
use crate::platform::db::{self, DatabaseConfig, Db};
use crate::platform::room::Reserve;

const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// An empty database that nothing else uses, and a folder beside it.
pub struct TestDatabase {
    folder: TempDir,
    config: DatabaseConfig,
    server: Option<(String, String)>,
}

impl TestDatabase {
    /// Makes the database.
    ///
    /// # Panics
    /// Where it cannot be made: the test could not run.
    pub async fn create() -> Self {
        Self::create_on(test_server()).await
    }

    /// Makes it on a PostgreSQL server, or on SQLite.
    ///
    /// # Panics
    /// Where it cannot be made: the test could not run.
    pub async fn create_on(server: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::create_in(folder, server).await
    }

    /// Makes it beside a folder that is there already.
    ///
    /// # Panics
    /// Where it cannot be made: the test could not run.
    pub async fn create_in(folder: TempDir, server: Option<String>) -> Self {
        let Some(server) = server else {
            let url = format!("sqlite://{}", folder.path().join("test.db").display());
            return Self {
                folder,
                config: DatabaseConfig {
                    url,
                    connections: 3,
                    statement_timeout: STATEMENT_TIMEOUT,
                },
                server: None,
            };
        };
        let mut bytes = [0_u8; 8];
        rand::fill(&mut bytes);
        let name = format!("accolade_test_{}", hex::encode(bytes));
        let connection = sea_orm::Database::connect(&server)
            .await
            .expect("TEST_DATABASE_URL answers");
        connection
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a new database");
        connection.close().await.expect("closed");
        let (base, _) = server
            .rsplit_once('/')
            .expect("a database in TEST_DATABASE_URL");
        let config = DatabaseConfig {
            url: format!("{base}/{name}"),
            connections: 8,
            statement_timeout: STATEMENT_TIMEOUT,
        };
        Self {
            folder,
            config,
            server: Some((server, name)),
        }
    }

    /// Where it is, for a configuration.
    #[must_use]
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// Whether it is on a PostgreSQL server, which instances may share.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.server.is_some()
    }

    /// A folder that goes with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A server's settings on this database and folder.
    ///
    /// # Panics
    /// Never: the address is a literal.
    #[must_use]
    pub fn server_config(&self) -> Config {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: self.folder().to_owned(),
            database: self.config.clone(),
            store: StoreConfig::Folder(self.folder().join("files")),
            // Tests run on small disks too.
            facts_cache_bytes: 1 << 20,
            delivery_cache_bytes: 1 << 20,
            coverage_cache_bytes: 1 << 20,
            draw_program: None,
            reserve: Reserve {
                bytes: 0,
                percent: 0,
            },
            uploads: UploadLimits::default(),
            scrub_bytes_per_second: 0,
            fetch: None,
            public_url: "http://127.0.0.1:4000".parse().expect("an address"),
            content_origin: None,
            delivery: Delivery::Stream,
            log_format: LogFormat::Text,
            log: "info".to_owned(),
            graphiql: true,
            metrics: false,
            limits: Limits::default(),
        }
    }

    /// Opens and migrates it.
    ///
    /// # Panics
    /// Where it cannot be opened: the test could not run.
    pub async fn open(&self) -> Db {
        let opened = db::open(&self.config).await.expect("the database opens");
        opened
            .migrate::<accolade_migrations::Migrator>()
            .await
            .expect("the migrations run");
        opened.start()
    }

    /// Removes it; what still holds a connection loses it.
    pub async fn remove(self) {
        if let Some((server, name)) = &self.server
            && let Ok(connection) = sea_orm::Database::connect(server).await
        {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _ = connection.execute_unprepared(&drop).await;
        }
    }
}

/// The PostgreSQL server that the tests are to use.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own setting, which no server reads"
)]
#[must_use]
pub fn test_server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty())
}
