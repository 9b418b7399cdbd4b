//! What a connection becomes after 101: bytes both ways, watched, each way ending on its own.

use std::io;
use std::rc::Rc;

use bytes::BytesMut;
use http::Response;
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wayside_exchange::{BodyEnd, Failure, Half, Outcome, Side};

use crate::answer::AnswerBody;
use crate::course::Course;
use crate::downstream::Downstream;
use crate::worker::spawn;

/// Bytes read at once.
const READ: usize = 16 << 10;

/// Hands both connections over to each other; the answer is what the client gets for a start.
pub(crate) fn begin(
    mut response: Response<Incoming>,
    client: OnUpgrade,
    course: &Rc<Course>,
    downstream: &Rc<Downstream>,
) -> Response<AnswerBody> {
    let backend = hyper::upgrade::on(&mut response);
    if let Some(wire) = &downstream.wire {
        wire.stop();
    }
    course.record_by_message();
    let course = Rc::clone(course);
    spawn(async move {
        match tokio::try_join!(client, backend) {
            Ok((client, backend)) => run(client, backend, &course).await,
            Err(error) => course.settle(
                Outcome::UpstreamFailed,
                Some(Failure { side: Side::Ours, reason: format!("the upgrade failed: {error}") }),
            ),
        }
    });
    response.map(|_| AnswerBody::empty())
}

async fn run(client: Upgraded, backend: Upgraded, course: &Rc<Course>) {
    let (from_client, to_client) = tokio::io::split(TokioIo::new(client));
    let (from_backend, to_backend) = tokio::io::split(TokioIo::new(backend));
    // When one way breaks, the other has nobody left to talk to.
    let ended = tokio::try_join!(
        carry(from_client, to_backend, course, Half::Request),
        carry(from_backend, to_client, course, Half::Response),
    );
    if ended.is_err() {
        for half in [Half::Request, Half::Response] {
            course.body_ended(half, BodyEnd::Cut, &[]);
        }
    }
    course.settle(Outcome::Upgraded, None);
}

/// Carries one way until its end, which it passes on: a half-close stays one.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    course: &Rc<Course>,
    half: Half,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ);
        if from.read_buf(&mut buffer).await? == 0 {
            break;
        }
        let bytes = buffer.split().freeze();
        course.passed(half, &bytes);
        to.write_all(&bytes).await?;
        to.flush().await?;
    }
    course.body_ended(half, BodyEnd::Complete, &[]);
    to.shutdown().await
}
