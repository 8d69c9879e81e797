//! The embedded DynamoDB: dynoxide, served over HTTP.

use crate::state::State;
use crate::tasks::Tasks;
use crate::{Error, network};
use dynoxide::Database;
use rusqlite::Connection;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// The file of the tables in the data directory.
pub const DATABASE: &str = "dynamodb.sqlite";

/// How often expired items are deleted. AWS takes hours.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How long running requests may take when the stack stops.
const FINISH_WITHIN: Duration = Duration::from_secs(2);

/// Without this index, dynoxide reads all records of all streams for each write and for each read of a stream.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS sotto_stream_records
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// AWS keeps a stream's records for a day. dynoxide never deletes them.
const TRIM_STREAMS: &str =
    "DELETE FROM _stream_records WHERE created_at < CAST(strftime('%s', 'now', '-1 day') AS INTEGER)";

/// Serves a DynamoDB on a free port of `host`. Returns its URL.
pub async fn start(state: &State, host: IpAddr, tasks: &Tasks) -> Result<String, Error> {
    let database = match state.path(DATABASE) {
        None => in_memory()?,
        Some(file) => in_file(&file)?,
    };
    let (listener, url) = network::listen(host).await?;
    tasks.spawn(delete_expired(database.clone()));
    let (tasks, shutdown) = (tasks.clone(), tasks.clone());
    tokio::spawn(async move {
        let cancelled = async move { shutdown.cancelled().await };
        let too_late = async {
            tasks.cancelled().await;
            tokio::time::sleep(FINISH_WITHIN).await
        };
        tokio::select! {
            _ = dynoxide::server::serve_with_shutdown(listener, database, cancelled) => {}
            () = too_late => {}
        }
    });
    Ok(url)
}

fn in_file(file: &Path) -> Result<Database, Error> {
    let name = file.to_str().ok_or_else(|| Error::new("the data directory's name must be UTF-8"))?;
    let database = Database::new(name).map_err(|error| Error::new(error.to_string()))?;
    let indexed = Connection::open(file).and_then(|file| {
        file.execute_batch(TRIM_STREAMS)?;
        file.execute_batch(STREAM_INDEX)
    });
    indexed.map_err(|error| Error::of("indexing its streams", &error))?;
    Ok(database)
}

/// dynoxide gives no access to the SQLite of a database in memory. So the index is made in a file, which is then loaded.
fn in_memory() -> Result<Database, Error> {
    let file = std::env::temp_dir().join(format!("sotto-{}.sqlite", uuid::Uuid::new_v4().simple()));
    let template = in_file(&file).map(drop);
    let database = template.and_then(|()| {
        let database = Database::memory().and_then(|database| {
            database.restore_from(file.to_str().unwrap_or_default())?;
            Ok(database)
        });
        database.map_err(|error| Error::new(error.to_string()))
    });
    for rest in ["", "-wal", "-shm"] {
        let mut name = file.clone().into_os_string();
        name.push(rest);
        let _ = std::fs::remove_file(name); // it may not be there
    }
    database
}

/// Deletes expired items from time to time. dynoxide doesn't do so by itself.
async fn delete_expired(database: Database) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        let database = database.clone();
        // After a failure the items are deleted next time.
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_indexed_wherever_the_database_is() {
        let file = std::env::temp_dir().join(format!("sotto-test-{}.sqlite", uuid::Uuid::new_v4().simple()));
        in_memory().unwrap().vacuum_into(file.to_str().unwrap()).unwrap();
        let connection = Connection::open(&file).unwrap();
        for query in [
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 't'",
            "SELECT new_image FROM _stream_records WHERE table_name = 't' AND shard_id = 's'
                AND CAST(sequence_number AS INTEGER) > 5 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 10",
        ] {
            let plan: String =
                connection.query_row(&format!("EXPLAIN QUERY PLAN {query}"), [], |row| row.get(3)).unwrap();
            assert!(plan.contains("sotto_stream_records"), "{plan}");
        }
        drop(connection);
        std::fs::remove_file(file).unwrap();
    }
}
