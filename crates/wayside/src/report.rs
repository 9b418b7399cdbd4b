//! What people read: tables that fit the terminal, figures with units, colours where they are
//! welcome, and errors that say what to do.

pub mod body;
pub mod exchange;
pub mod figures;
pub mod paint;
pub mod panics;
pub mod printer;
pub mod progress;
pub mod rows;
pub mod shell;
pub mod table;
pub mod trouble;
