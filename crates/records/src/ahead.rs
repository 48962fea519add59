//! Reading records on another thread, ahead of whoever uses them.

use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};
use std::thread;
use std::vec;

use serde::de::DeserializeOwned;

use crate::directory::Records;
use crate::error::StoreError;

/// Records that cross to the other thread at once: a single one would cost more in handing over than in reading.
const BATCH: usize = 64;

/// Batches that may wait: enough to keep both threads busy, few enough to keep memory flat.
const WAITING: usize = 2;

/// Records of a run, read on a thread of its own; see [`Records::ahead`].
#[derive(Debug)]
pub struct Ahead<T> {
    batches: Source<T>,
    batch: vec::IntoIter<Result<T, StoreError>>,
}

#[derive(Debug)]
enum Source<T> {
    Thread(Receiver<Vec<Result<T, StoreError>>>),
    /// No thread was to be had.
    Here(Records<T>),
}

impl<T: DeserializeOwned + Send + 'static> Records<T> {
    /// The same records in the same order, read on a thread of its own a little ahead of the caller. The thread ends when all are read or the iterator is dropped.
    #[must_use]
    pub fn ahead(self) -> Ahead<T> {
        let (sender, receiver) = sync_channel(WAITING);
        // The records follow once the thread is there, and stay here if none is to be had.
        let (hand_over, take_over) = sync_channel(1);
        let reader = thread::Builder::new().name("records".to_owned()).spawn(move || {
            if let Ok(records) = take_over.recv() {
                read(records, &sender);
            }
        });
        let batches = match reader {
            Ok(_) => match hand_over.send(self) {
                Ok(()) => Source::Thread(receiver),
                Err(SendError(records)) => Source::Here(records),
            },
            Err(_) => Source::Here(self),
        };
        Ahead { batches, batch: Vec::new().into_iter() }
    }
}

fn read<T: DeserializeOwned>(mut records: Records<T>, sender: &SyncSender<Vec<Result<T, StoreError>>>) {
    loop {
        let batch: Vec<_> = records.by_ref().take(BATCH).collect();
        // Nobody listens any more, or nothing is left.
        if batch.is_empty() || sender.send(batch).is_err() {
            return;
        }
    }
}

impl<T: DeserializeOwned> Iterator for Ahead<T> {
    type Item = Result<T, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(record) = self.batch.next() {
            return Some(record);
        }
        match &mut self.batches {
            Source::Thread(receiver) => {
                self.batch = receiver.recv().ok()?.into_iter();
                self.batch.next()
            }
            Source::Here(records) => records.next(),
        }
    }
}
