//! Files that are read again while the gateway serves. Such a read may never return: the file lies
//! on a mount that hangs. So it has a thread of its own and a time limit, and what is no regular
//! file (a FIFO would wait for a writer) is not opened.

use std::{error::Error, fs, path::PathBuf, time::Duration};
use tokio::{
    task::{JoinError, JoinHandle, spawn_blocking},
    time::timeout,
};

/// How long a read may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Why there is nothing new.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError<E: Error + 'static> {
    /// A device, a FIFO or a folder.
    #[error("{}: is no regular file", .0.display())]
    NotAFile(PathBuf),
    /// The disk, or the machine that it is on, does not answer.
    #[error("{}: not read within {} s", list(.0), LIMIT.as_secs())]
    TooSlow(Vec<PathBuf>),
    /// The code that reads has panicked.
    #[error("the read has failed: {0}")]
    Panicked(JoinError),
    /// The content is not what it should be, or the system refuses to read it.
    #[error(transparent)]
    Failed(E),
}

/// Reads the same files again and again.
#[derive(Debug)]
pub(crate) struct Reader<T, E: Error + 'static> {
    files: Vec<PathBuf>,
    /// A read that took too long and has not returned yet: while it hangs, no other one is begun.
    under_way: Option<JoinHandle<Result<T, ReadError<E>>>>,
}

impl<T: Send + 'static, E: Error + Send + 'static> Reader<T, E> {
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        Self { files, under_way: None }
    }

    /// What `read` makes of the files, as they are now. Cancel-safe: the read goes on.
    ///
    /// # Errors
    /// [`ReadError`]
    pub(crate) async fn read(
        &mut self,
        read: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, ReadError<E>> {
        // What it has found meanwhile is old.
        self.under_way.take_if(|read| read.is_finished());
        let files = self.files.clone();
        let under_way = self.under_way.get_or_insert_with(|| {
            spawn_blocking(move || {
                match files
                    .into_iter()
                    .find(|file| fs::metadata(file).is_ok_and(|found| !found.is_file()))
                {
                    Some(other) => Err(ReadError::NotAFile(other)),
                    None => read().map_err(ReadError::Failed),
                }
            })
        });
        let Ok(ended) = timeout(LIMIT, under_way).await else {
            return Err(ReadError::TooSlow(self.files.clone()));
        };
        self.under_way = None;
        ended.unwrap_or_else(|error| Err(ReadError::Panicked(error)))
    }
}

fn list(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::{io, pin::pin, sync::mpsc};
    use tokio::time::advance;

    #[tokio::test]
    async fn what_is_no_regular_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let mut reader = Reader::<(), io::Error>::new(vec![folder.path().to_owned()]);
        let error = reader.read(|| unreachable!("it is not read")).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{}: is no regular file", folder.path().display()));
    }

    #[tokio::test]
    async fn a_missing_file_is_what_the_system_says() {
        let missing = PathBuf::from("/no/such/file");
        let mut reader = Reader::new(vec![missing.clone()]);
        assert!(
            matches!(reader.read(|| fs::read(missing)).await, Err(ReadError::Failed(error)) if error.kind() == io::ErrorKind::NotFound)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn of_reads_that_hang_there_is_one_and_when_it_is_over_the_next_begins() {
        let mut reader = Reader::<u8, io::Error>::new(vec!["slow".into()]);
        let (go_on, hang) = mpsc::channel::<()>();
        let hanging = move || {
            let _dropped = hang.recv();
            Ok(1)
        };
        let too_slow = "slow: not read within 5 s";
        assert_eq!(after_the_limit(reader.read(hanging)).await.unwrap_err().to_string(), too_slow);
        let second = reader.read(|| unreachable!("it is not begun"));
        assert_eq!(after_the_limit(second).await.unwrap_err().to_string(), too_slow);
        drop(go_on);
        assert!(
            matches!(reader.read(|| Ok(2)).await, Ok(1 | 2)),
            "the first one, if it has not returned before"
        );
        assert_eq!(reader.read(|| Ok(3)).await.unwrap(), 3);
    }

    async fn after_the_limit<T>(read: impl Future<Output = T>) -> T {
        let mut read = pin!(read);
        assert!(poll!(&mut read).is_pending());
        advance(LIMIT).await;
        read.await
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let mut reader = Reader::<(), io::Error>::new(Vec::new());
        assert!(matches!(reader.read(|| panic!("on purpose")).await, Err(ReadError::Panicked(_))));
    }
}
