//! How a long build tells where it is.

/// Hears how far a build has come. Nothing is called where a tree is found.
pub trait Progress {
    /// A build starts; `total` bytes will come, where that is known.
    fn start(&mut self, total: Option<u64>);

    /// This many bytes more have been copied.
    fn advance(&mut self, bytes: u64);

    /// The build has ended, well or not.
    fn done(&mut self);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&mut self, _total: Option<u64>) {}

    fn advance(&mut self, _bytes: u64) {}

    fn done(&mut self) {}
}
