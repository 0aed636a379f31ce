//! What is to be done next.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Something to write.
pub(super) enum Task {
    /// The directories in a directory, then its first files.
    Dir(usize),
    /// A chunk of a directory's files and links.
    Leaves(usize, usize),
}

/// Tasks, the newest first: directories stay few, and what was just made is in the caches.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    ready: Vec<Task>,
    /// Tasks that are being performed: each may add more.
    running: usize,
}

impl Queue {
    pub(super) fn new(first: Task) -> Queue {
        Queue {
            state: Mutex::new(State {
                ready: vec![first],
                running: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task; none when all are done. Waits while others may still add some.
    pub(super) fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if let Some(task) = state.ready.pop() {
                state.running += 1;
                return Some(task);
            }
            if state.running == 0 {
                return None;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn add(&self, tasks: Vec<Task>) {
        self.state().ready.extend(tasks);
        self.changed.notify_all();
    }

    /// One task that was taken is done.
    pub(super) fn done(&self) {
        let mut state = self.state();
        state.running -= 1;
        if state.running == 0 && state.ready.is_empty() {
            self.changed.notify_all();
        }
    }
}
