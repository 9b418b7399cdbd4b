//! The verbs, one file each.

pub mod alerts;
pub mod backup;
pub mod certs;
pub mod clients;
pub mod completions;
pub mod config;
pub mod console;
pub mod demo;
pub mod doctor;
pub mod erase;
pub mod exchanges;
pub mod export;
pub mod findings;
mod listing;
pub mod outliers;
pub mod pin;
pub mod record;
pub mod replay;
pub mod routes;
pub mod scan;
mod selection;
pub mod sessions;
pub mod show;
pub mod status;
pub mod top;
pub mod verify;
