//! What the end-to-end tests stand on: the built `wayside` as a process, backends that do as told, and curl.
//! Everything listens on port 0 of loopback; every handle re-raises a panic of what it holds when it is
//! joined or dropped, so a server that died cannot look like a test that passed.

mod backend;
mod echo;
mod folder;
mod frames;
mod message;
mod output;
mod peer;
mod resources;
mod script;
mod secure;
mod wayside;

pub use backend::Backend;
pub use echo::{Echo, Seen};
pub use folder::files_below;
pub use frames::{Ending, Frame, Frames};
pub use message::Message;
pub use output::{Output, curl, node_modules, program, python, python_program};
pub use peer::Peer;
pub use resources::eventually;
pub use script::Script;
pub use wayside::{Signal, Wayside, id, marks};
