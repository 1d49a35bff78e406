//! A connection that can be dead without being closed.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Kill, Simulator};

/// A client's connection, as far as it is alive.
pub(super) struct Line {
    stream: TokioIo<TcpStream>,
    number: usize,
    sim: Simulator,
}

impl Line {
    pub(super) fn new(stream: TcpStream, number: usize, sim: Simulator) -> Self {
        Self { stream: TokioIo::new(stream), number, sim }
    }

    fn fate(&self) -> Option<Kill> {
        self.sim.traffic().fate(self.number)
    }

    /// The error that makes hyper drop the connection, which then goes with a reset.
    fn reset(&self) -> io::Error {
        // Without the option the client sees an orderly end instead; that is a failure too.
        let _ = self.stream.inner().set_zero_linger();
        ErrorKind::ConnectionReset.into()
    }

    /// Nobody wakes a pending line again, which is what makes it a black hole.
    fn writable(&mut self) -> Poll<io::Result<Pin<&mut TokioIo<TcpStream>>>> {
        match self.fate() {
            None => Poll::Ready(Ok(Pin::new(&mut self.stream))),
            Some(Kill::Reset) => Poll::Ready(Err(self.reset())),
            Some(Kill::BlackHole) => Poll::Pending,
        }
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.fate() == Some(Kill::BlackHole) {
            return Poll::Pending;
        }
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        // Only now, as an idle line is reset when it is used and not before.
        Poll::Ready(if self.fate() == Some(Kill::Reset) { Err(self.reset()) } else { Ok(()) })
    }
}

impl Write for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.writable())?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.writable())?.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.writable())?.poll_write_vectored(cx, bufs)
    }
}
