//! What a layer of an image takes away of the layers before it.
//!
//! Whiteouts are about earlier layers only, in whichever order a layer lists them and what it brings itself
//! (image-spec, layer.md).

use std::ffi::OsStr;

use super::{Body, Layout, NodeId};

impl Layout {
    /// Whether an earlier layer of the same source gave a node this name.
    pub(in crate::rootfs) fn is_earlier(&self, dir: NodeId, name: &OsStr, id: NodeId) -> bool {
        let node = self.node(id);
        let earlier = node.source == self.source && node.layer < self.layer;
        let linked = || self.linked.get(&(dir, name.to_owned()));
        earlier && (self.linked.is_empty() || linked() != Some(&self.layer))
    }

    /// Notes that the layer whose turn it is gave this name to a file, which may be of an earlier one.
    pub(in crate::rootfs) fn link_again(&mut self, dir: NodeId, name: &OsStr, id: NodeId) {
        if self.node(id).layer < self.layer {
            self.linked.insert((dir, name.to_owned()), self.layer);
        }
    }

    /// Takes away what earlier layers of the same source put at a name and below it. A directory stays for
    /// what this layer has put into it, wherever in the layer the whiteout comes.
    pub(in crate::rootfs) fn white_out(&mut self, dir: NodeId, name: &OsStr, id: NodeId) {
        if !self.stays(dir, name, id) {
            self.remove(dir, name);
        }
    }

    /// The same for everything in a directory.
    pub(in crate::rootfs) fn clear_earlier(&mut self, dir: NodeId) {
        // No earlier layer puts anything into it any more.
        if self.node(dir).cleared == self.layer {
            return;
        }
        let Some(mut children) = self.children(dir).map(std::mem::take) else {
            return;
        };
        children.retain(|name, id| self.stays(dir, name, *id));
        if let Some(emptied) = self.children(dir) {
            *emptied = children;
        }
        self.node_mut(dir).cleared = self.layer;
    }

    fn stays(&mut self, dir: NodeId, name: &OsStr, id: NodeId) -> bool {
        self.clear_earlier(id);
        let holds = match &self.node(id).body {
            Body::Directory(children) => !children.is_empty(),
            Body::File(_) | Body::Symlink(_) => false,
        };
        holds || !self.is_earlier(dir, name, id)
    }
}
