//! What keeps slow clients from holding a place: bodies that may not stand still, streams that may not be idle.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A body stood still for longer than its bound.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
pub struct TooSlow;

/// A body that may not stand still for longer than `pause`.
pub(crate) struct PausingBody {
    body: Incoming,
    pause: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl PausingBody {
    pub(crate) fn new(body: Incoming, pause: Duration) -> Self {
        Self { body, pause, waiting: None }
    }
}

impl http_body::Body for PausingBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let pause = this.pause;
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep(pause)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that fails once nothing has gone either way for `most`.
pub(crate) struct Idle<S> {
    stream: S,
    most: Duration,
    last: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Idle<S> {
    pub(crate) fn new(stream: S, most: Duration) -> Self {
        Self { stream, most, last: Instant::now(), alarm: Box::pin(sleep(most)) }
    }

    /// Fails what has waited too long. Bytes that went either way begin the wait anew; an answer without any, of a flush that had
    /// nothing to do, does not: HTTP/2 flushes whenever it is woken, by our own alarm too.
    fn watch<T>(&mut self, answer: Poll<io::Result<T>>, moved: bool, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if moved {
            self.last = Instant::now();
        }
        if answer.is_ready() {
            return answer;
        }
        while self.alarm.as_mut().poll(context).is_ready() {
            let end = self.last + self.most;
            if Instant::now() >= end {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let answer = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(answer, buffer.filled().len() > before, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(context, bytes);
        let moved = matches!(answer, Poll::Ready(Ok(1..)));
        self.watch(answer, moved, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        let moved = matches!(answer, Poll::Ready(Ok(1..)));
        self.watch(answer, moved, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(answer, false, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(answer, false, context)
    }
}
