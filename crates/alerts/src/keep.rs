//! The book in its file, `DATA/alerts`: written anew, under another name first, whenever something happened.
//! Beside an encrypted recording it is encrypted.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use wayside_exchange::cause::chain;
use wayside_exchange::view::OutlierView;
use wayside_exchange::{Micros, Timestamp};
use wayside_store::Cover;

use crate::book::{Alert, Book, News, State};
use crate::courier::Tallies;
use crate::{AlertsError, Delivery};

/// The version of the file.
const VERSION: u32 = 1;
/// What it is encrypted as.
const ABOUT: &[u8] = b"alerts";

/// The alerts of one recording. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Alerts(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    cover: Cover,
    /// Why it could not be read.
    unread: Option<String>,
    book: Mutex<Book>,
    tallies: Tallies,
}

#[derive(Serialize, Deserialize)]
struct Kept<B> {
    version: u32,
    #[serde(flatten)]
    book: B,
}

impl Alerts {
    /// Those of the recording at `data`, for whoever looks; none when there are none yet. A book that cannot be
    /// read is told when it is asked for.
    pub fn open(data: &Path, cover: Cover) -> Self {
        let path = data.join("alerts");
        match read(&path, &cover) {
            Ok((book, _)) => Self::of(path, cover, book, None),
            Err(error) => Self::of(path, cover, Book::default(), Some(chain(&error))),
        }
    }

    /// The same for who goes on with them. A book that is not understood is put aside: no alert is worth a
    /// recording. One in clear that should be encrypted is, at once.
    pub fn take_up(data: &Path, cover: Cover) -> Self {
        let path = data.join("alerts");
        let (book, is_covered) = read(&path, &cover).unwrap_or_else(|error| {
            let aside = path.with_extension("damaged");
            tracing::error!("the alerts begin anew: {}", chain(&error));
            match fs::rename(&path, &aside) {
                Ok(()) => tracing::info!("what there was is in `{}`", aside.display()),
                Err(error) => tracing::error!("it stays where it was: {error}"),
            }
            (Book::default(), true)
        });
        let in_clear = cover.encrypts() && !is_covered;
        let alerts = Self::of(path, cover, book, None);
        if in_clear && let Err(error) = alerts.write(&alerts.0.book.lock()) {
            tracing::error!("the alerts stay in clear for now: {}", chain(&error));
        }
        alerts
    }

    fn of(path: PathBuf, cover: Cover, book: Book, unread: Option<String>) -> Self {
        let (book, tallies) = (Mutex::new(book), Tallies::default());
        Self(Arc::new(Shared { path, cover, unread, book, tallies }))
    }

    fn readable(&self) -> Result<(), AlertsError> {
        match &self.0.unread {
            None => Ok(()),
            Some(reason) => Err(AlertsError::Unread { reason: reason.clone() }),
        }
    }

    /// All of them, the oldest first.
    pub fn list(&self) -> Result<Vec<Alert>, AlertsError> {
        self.readable()?;
        Ok(self.0.book.lock().alerts().to_vec())
    }

    /// How many are in each state.
    pub fn count(&self, state: State) -> usize {
        self.0.book.lock().alerts().iter().filter(|alert| alert.state == state).count()
    }

    /// How sending news goes, and how many verdicts came while too many stood.
    pub fn delivery(&self) -> Delivery {
        self.0.tallies.view(self.0.book.lock().untold())
    }

    /// Says that somebody knows of an alert.
    pub fn acknowledge(&self, id: u64, now: Timestamp) -> Result<Alert, AlertsError> {
        self.readable()?;
        let mut book = self.0.book.lock();
        let alert = book.acknowledge(id, now).ok_or(AlertsError::Unknown { id })?;
        self.write(&book)?;
        Ok(alert)
    }

    /// Forgets all alerts of a client.
    pub fn forget(&self, client: &str) -> Result<(), AlertsError> {
        self.readable()?;
        let mut book = self.0.book.lock();
        book.forget(client);
        self.write(&book)
    }

    pub(crate) fn tallies(&self) -> &Tallies {
        &self.0.tallies
    }

    /// Takes the verdicts that stand, and writes the book when something happened. A book that cannot be written
    /// holds no news back.
    pub(crate) fn look(
        &self,
        mut standing: Vec<OutlierView>,
        naming: &dyn Fn(Vec<&mut OutlierView>),
        now: Timestamp,
        remind: Option<Micros>,
    ) -> (Vec<News>, Result<(), AlertsError>) {
        let mut book = self.0.book.lock();
        let mut news = book.follow(&mut standing, naming, now);
        news.extend(book.look(&standing, now, remind));
        let written = if news.is_empty() { Ok(()) } else { self.write(&book) };
        (news, written)
    }

    fn write(&self, book: &Book) -> Result<(), AlertsError> {
        let path = &self.0.path;
        write(book, path, &self.0.cover).map_err(|source| AlertsError::Book {
            doing: "write",
            path: path.clone(),
            source,
        })
    }
}

/// The book at `path`, and whether it is encrypted, or there is none.
fn read(path: &Path, cover: &Cover) -> Result<(Book, bool), AlertsError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Book::default(), true)),
        Err(source) => {
            return Err(AlertsError::Book { doing: "read", path: path.to_owned(), source });
        }
    };
    let wrong = |reason| AlertsError::NotUnderstood { path: path.to_owned(), reason };
    let is_covered = Cover::is_on(&bytes);
    let bytes = cover.take_off(ABOUT, bytes).ok_or_else(|| {
        wrong("the sealing key does not open them, or they are damaged".to_owned())
    })?;
    let kept: Kept<Book> =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    match kept.version {
        VERSION => Ok((kept.book, is_covered)),
        later => Err(wrong(format!("they are of version {later}"))),
    }
}

fn write(book: &Book, path: &Path, cover: &Cover) -> io::Result<()> {
    let bytes = serde_json::to_vec(&Kept { version: VERSION, book })?;
    let bytes = cover.put_on(ABOUT, bytes).map_err(io::Error::other)?;
    let draft = path.with_extension("new");
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::os::unix::fs::PermissionsExt as _;

    use wayside_store::seal::SealingKey;
    use wayside_store::{Encryption, Options, Store};

    use super::*;

    /// That of a recording which is encrypted, or not.
    fn cover(folder: &Path, encryption: Encryption) -> Cover {
        SealingKey::open_or_create(&folder.join("keys")).unwrap();
        let options = Options { encryption, ..Options::default() };
        let (store, writer, _) = Store::open(folder, options).unwrap();
        writer.close().unwrap();
        store.cover()
    }

    #[test]
    fn the_book_is_private_and_one_that_is_not_understood_is_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let alerts = Alerts::take_up(folder.path(), cover(folder.path(), Encryption::Off));
        assert!(alerts.list().unwrap().is_empty());
        alerts.forget("acme").unwrap();
        let path = folder.path().join("alerts");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!fs::read_to_string(&path).unwrap().contains("acme"));
        for wrong in ["{\"version\":2,\"last\":0,\"alerts\":[]}", "nonsense"] {
            fs::write(&path, wrong).unwrap();
            let looking = Alerts::open(folder.path(), cover(folder.path(), Encryption::Off));
            assert!(looking.list().unwrap_err().to_string().contains("are not understood"));
            assert!(looking.acknowledge(1, Timestamp(0)).is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), wrong, "whoever looks changes nothing");
            assert!(
                Alerts::take_up(folder.path(), cover(folder.path(), Encryption::Off))
                    .list()
                    .unwrap()
                    .is_empty()
            );
            let aside = fs::read_to_string(path.with_extension("damaged")).unwrap();
            assert_eq!((aside.as_str(), path.exists()), (wrong, false));
        }
        let unknown = alerts.acknowledge(7, Timestamp(0)).unwrap_err();
        assert_eq!(unknown.to_string(), "there is no alert `7`");
    }
    #[test]
    fn a_book_beside_an_encrypted_recording_is_encrypted_and_one_in_clear_becomes_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts");
        let says = |word: &str| {
            fs::read(&path).unwrap().windows(word.len()).any(|part| part == word.as_bytes())
        };
        let clear = cover(folder.path(), Encryption::Off);
        Alerts::take_up(folder.path(), clear.clone()).forget("acme").unwrap();
        assert!(says("version"));
        let sealed = cover(folder.path(), Encryption::On);
        let alerts = Alerts::take_up(folder.path(), sealed);
        assert!(!says("version"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        alerts.forget("acme").unwrap();
        assert!(!says("version"));
        assert!(Alerts::open(folder.path(), clear).list().unwrap().is_empty());
        fs::remove_file(folder.path().join("keys/sealing.key")).unwrap();
        let other = cover(folder.path(), Encryption::Off);
        let error = Alerts::open(folder.path(), other).list().unwrap_err().to_string();
        assert!(error.contains("the sealing key does not open them"), "{error}");
    }
}
