//! The bar of a long build.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::rootfs::Progress;

/// A build shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(300);

/// A bar on standard error, for terminals, that appears only when a build takes its time.
///
/// It has no thread of its own: it is drawn as bytes arrive, so that none runs at the fork.
#[derive(Debug, Default)]
pub struct Bar {
    started: Option<Instant>,
    bar: Option<ProgressBar>,
    bytes: u64,
    total: Option<u64>,
}

impl Bar {
    fn appear(&self) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(self.total, ProgressDrawTarget::stderr());
        let template = match self.total {
            Some(_) => "building the root tree {bar:30} {bytes}/{total_bytes}",
            None => "building the root tree {spinner} {bytes}",
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

impl Progress for Bar {
    fn start(&mut self, total: Option<u64>) {
        *self = Bar {
            started: Some(Instant::now()),
            total,
            ..Bar::default()
        };
    }

    fn advance(&mut self, bytes: u64) {
        self.bytes += bytes;
        let waited = self
            .started
            .is_some_and(|started| started.elapsed() > PATIENCE);
        if self.bar.is_none() && waited {
            self.bar = Some(self.appear());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.bytes);
        }
    }

    fn done(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_appears_only_when_a_build_takes_its_time_and_goes_at_the_end() {
        let mut bar = Bar::default();
        bar.start(None);
        bar.advance(1);
        assert!(bar.bar.is_none());
        bar.started = Instant::now().checked_sub(PATIENCE * 2);
        bar.advance(2);
        assert_eq!(bar.bar.as_ref().map(ProgressBar::position), Some(3));
        bar.done();
        assert!(bar.bar.is_none());
    }
}
