//! The thread that keeps the index: takes zone maps as blocks are written, and makes what is
//! missing while there is little to record.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wayside_exchange::{Exchange, Half, Head, Message, content};

use super::Index;
use super::text::TextBuilder;
use crate::catalogue::Group;
use crate::error::StoreError;
use crate::row::Row;
use crate::store::{Shared, body};
use crate::writer::pending::Sealed;
use crate::zone::{ZoneBuilder, ZoneSets};

/// How often the thread takes what has come, all at once: nobody wakes it for a single block.
const LOOK: Duration = Duration::from_millis(200);
/// The longest that it works on that at a time: a tenth of one core.
const SLICE: Duration = Duration::from_millis(20);
/// With more exchanges than this since the last look the machine has better things to do.
const BUSY: u64 = 300;
/// The most of one decoded body that is looked at; a longer one leaves its block unfiltered.
const MOST_DECODED: usize = 1 << 20;

type Zone = (Group, Arc<ZoneSets>);

/// The writer's end of the thread.
pub(crate) struct Feed {
    work: Option<Sender<Zone>>,
    /// Nothing is ever sent: its end is the sign to stop.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Starts the thread, where there is an index to keep.
    pub(crate) fn start(shared: &Arc<Shared>) -> Feed {
        let Some(index) = shared.index.clone() else {
            return Feed { work: None, stop: None, thread: None };
        };
        let (work, todo) = channel();
        let (stop, stopped) = channel();
        let keeper = Keeper {
            shared: shared.clone(),
            index,
            text: TextBuilder::new(),
            zones_through: 0,
            texts_through: 0,
        };
        let thread = std::thread::Builder::new()
            .name("store-index".to_owned())
            .spawn(move || keeper.serve(&todo, &stopped));
        Feed { work: Some(work), stop: Some(stop), thread: thread.ok() }
    }

    /// Hands over what is known of blocks that were just written.
    pub(crate) fn send(&self, groups: Vec<Sealed>) {
        if let Some(work) = &self.work {
            for sealed in groups {
                let _ = work.send((sealed.group, sealed.zone));
            }
        }
    }

    /// Returns when everything handed over is in the index.
    pub(crate) fn finish(&mut self) {
        self.work = None;
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Keeper {
    shared: Arc<Shared>,
    index: Arc<Index>,
    text: TextBuilder,
    /// Groups before these have what can be made for them.
    zones_through: usize,
    texts_through: usize,
}

impl Keeper {
    fn serve(mut self, todo: &Receiver<Zone>, stop: &Receiver<()>) {
        loop {
            let stopping = stop.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected);
            let zones: Vec<Zone> = todo.try_iter().collect();
            self.index.put_zones(&zones);
            if stopping {
                break;
            }
            if zones.iter().map(|(group, _)| u64::from(group.count)).sum::<u64>() <= BUSY {
                self.catch_up();
            }
        }
        self.index.flush();
    }

    fn catch_up(&mut self) {
        let until = Instant::now() + SLICE;
        while Instant::now() < until && self.make_one() {}
    }

    /// Makes one thing that is missing; false when nothing is.
    fn make_one(&mut self) -> bool {
        let group = |n: usize| {
            let catalogue = self.shared.catalogue.read();
            let zone_is_known = catalogue.zones.get(n).is_some_and(Option::is_some);
            catalogue.groups.get(n).map(|group| (*group, zone_is_known))
        };
        if let Some((group, is_known)) = group(self.zones_through) {
            self.zones_through += 1;
            if !is_known && let Ok(zone) = zone_of(&self.shared, &group) {
                self.index.put_zones(&[(group, Arc::clone(&zone))]);
                self.shared.catalogue.write().set_zone(group.position, zone);
            }
            return true;
        }
        let Some((group, _)) = group(self.texts_through) else { return false };
        self.texts_through += 1;
        if !self.index.has_text(&group) {
            let _ = add_text(&self.shared, &self.index, &group, &mut self.text);
        }
        true
    }
}

/// The zone map of a group, from its rows.
pub(crate) fn zone_of(shared: &Shared, group: &Group) -> Result<Arc<ZoneSets>, StoreError> {
    let mut zone = ZoneBuilder::default();
    for row in shared.rows(group)? {
        zone.add(&row.summary);
    }
    Ok(Arc::new(zone.take()))
}

/// Makes and keeps the text filter of a group.
pub(crate) fn add_text(
    shared: &Arc<Shared>,
    index: &Index,
    group: &Group,
    text: &mut TextBuilder,
) -> Result<(), StoreError> {
    for row in shared.rows(group)? {
        add_exchange(shared, group, row, text);
    }
    index.put_text(group, &text.take());
    Ok(())
}

fn add_exchange(shared: &Arc<Shared>, group: &Group, row: Row, text: &mut TextBuilder) {
    let Ok(stored) = shared.record(group, row) else { return text.add_anything() };
    let exchange = &stored.exchange;
    add_row(exchange, text);
    for head in &exchange.informed {
        text.add(&head.0);
    }
    for half in [Half::Request, Half::Response] {
        let Some(message) = exchange.message(half) else { continue };
        let is_long = stored.kept(half).is_some_and(|kept| !kept.pieces.is_empty());
        match body::in_memory(shared, &stored, half).filter(|_| !is_long) {
            Some(bytes) => add_message(message, &bytes, text),
            None => text.add_anything(),
        }
    }
}

fn add_row(exchange: &Exchange, text: &mut TextBuilder) {
    let row = &exchange.summary;
    for part in [&row.client, &row.method, &row.host, &row.target, &row.route] {
        text.add(part.as_bytes());
    }
    text.add(row.url().as_bytes());
    text.add(row.id.to_string().as_bytes());
    text.add(row.session.to_string().as_bytes());
    text.add(row.client_addr.to_string().as_bytes());
    text.add(row.outcome.as_str().as_bytes());
    if let Some(failure) = &row.failure {
        text.add(failure.reason.as_bytes());
        text.add(failure.side.as_str().as_bytes());
    }
    for evidence in &row.evidence {
        text.add(evidence.to_string().as_bytes());
    }
    for mark in row.marks.iter() {
        text.add(mark.as_str().as_bytes());
    }
    if let Some(tls) = &row.tls {
        text.add(tls.version.as_bytes());
        for part in [&tls.sni, &tls.alpn, &tls.ja4].into_iter().flatten() {
            text.add(part.as_bytes());
        }
    }
    if let Some(status) = row.status {
        text.add(status.to_string().as_bytes());
    }
}

fn add_message(message: &Message, body: &[u8], text: &mut TextBuilder) {
    text.add(&message.head.0);
    text.add(&message.trailers);
    let field = |head: &Head| {
        let values =
            head.fields().filter(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"));
        let values: Vec<_> = values.map(|(_, value)| String::from_utf8_lossy(value)).collect();
        values.join(",")
    };
    let codings = field(&message.head);
    text.add(body);
    if codings.is_empty() {
        return;
    }
    match content::decode(&codings, body, MOST_DECODED) {
        Ok(decoded) if decoded.bytes.len() < MOST_DECODED => text.add(&decoded.bytes),
        _ => text.add_anything(),
    }
}
