//! The embedded DynamoDB: dynoxide, served over HTTP.

use crate::life::Life;
use crate::{Error, State, reach};
use dynoxide::Database;
use rusqlite::Connection;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// How often items whose time has come are looked for. AWS takes hours.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How long requests under way may take when the stack stops.
const FINISH_WITHIN: Duration = Duration::from_secs(2);

/// Without this index dynoxide reads every record of every stream for each write and for each look at a stream.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS sotto_stream_records
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// A stream keeps its records for a day, says AWS; dynoxide keeps them for ever.
const TRIM_STREAMS: &str =
    "DELETE FROM _stream_records WHERE created_at < CAST(strftime('%s', 'now', '-1 day') AS INTEGER)";

/// Serves one on a free port of `host` until `life` ends; its URL.
pub async fn start(state: &State, host: IpAddr, life: &Life) -> Result<String, Error> {
    let database = match state {
        State::Memory => in_memory()?,
        State::Directory(directory) => in_file(&directory.join("dynamodb.sqlite"))?,
    };
    let (listener, url) = reach::listen(host).await?;
    let (ended, sweeper) = (life.clone(), database.clone());
    tokio::spawn(async move {
        let until = {
            let life = ended.clone();
            async move { life.ended().await }
        };
        let finish = async {
            ended.ended().await;
            tokio::time::sleep(FINISH_WITHIN).await
        };
        tokio::select! {
            _ = dynoxide::server::serve_with_shutdown(listener, database, until) => {}
            () = finish => {}
        }
    });
    tokio::spawn(sweep(sweeper, life.clone()));
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

/// A database in memory can only be given an index by way of a file.
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

/// Deletes what has expired, now and then, as the real one does.
async fn sweep(database: Database, life: Life) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = life.ended() => return,
        }
        let database = database.clone();
        // What could not be swept is there still, and swept next time.
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
